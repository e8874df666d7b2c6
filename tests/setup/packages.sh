#!/usr/bin/env bash
# Installs what is missing of the Debian packages of one or more groups; says nothing when nothing is.
#
#   tests/setup/packages.sh build            what compiles lighter and its unit tests
#   tests/setup/packages.sh build cluster    also what a test cluster runs on
#   tests/setup/packages.sh build fuzz       also what fuzzing needs: clang with its runtimes
#
# Services that come with a package are neither started nor enabled.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages_of() { # GROUP
  case $1 in
    build)
      echo cmake ninja-build pkg-config make g++ ccache clang-format clang-tidy \
        libgrpc++-dev libgrpc-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev \
        libarchive-dev libyaml-cpp-dev libgtest-dev libgmock-dev libcli11-dev nlohmann-json3-dev \
        libssl-dev zlib1g-dev libacl1-dev liblz4-dev libzstd-dev libbz2-dev liblzma-dev libxml2-dev nettle-dev \
        musl-tools libstb-dev libboost-dev git ca-certificates python3
      ;;
    cluster)
      echo etcd-server runc containerd containernetworking-plugins docker-registry \
        iproute2 iptables conntrack socat openssl \
        util-linux mount e2fsprogs procps python3 ca-certificates
      ;;
    fuzz) echo clang-14 libclang-rt-14-dev ;;
    pip) echo python3-pip ;;
    *) die "unknown group '$1'; there are: build, cluster, fuzz, pip" ;;
  esac
}

policy=/usr/sbin/policy-rc.d
policy_mark='# placed by tests/setup/packages.sh while it installs'

missing_of() { # PACKAGE...
  local states
  states=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true # fails where one is unknown
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sed -n 's/^installed //p' <<<"$states" | sort -u)
}

remove_policy() {
  if grep -qsxF "$policy_mark" "$policy"; then
    as_root rm -f "$policy"
  fi
}

# Debian starts and enables a service as it is installed, unless a policy-rc.d says no. A policy that is there stays.
forbid_service_start() {
  [ ! -e "$policy" ] || return 0
  trap remove_policy EXIT
  printf '%s\n' '#!/bin/sh' "$policy_mark" 'exit 101' | as_root install -m 0755 /dev/stdin "$policy"
}

disable_services_of() {
  command -v systemctl >/dev/null || return 0
  local units
  mapfile -t units < <(dpkg -L "$@" | sed -n 's|^.*/systemd/system/\([^/@]*\.service\)$|\1|p')
  [ ${#units[@]} -eq 0 ] || as_root systemctl --quiet disable "${units[@]}"
}

install_packages() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
  say "installing $*"
  forbid_service_start
  as_root "${apt[@]}" update
  as_root "${apt[@]}" install -y --no-install-recommends --no-remove "$@" >/dev/null
  disable_services_of "$@"
}

[ $# -gt 0 ] || die "usage: packages.sh build|cluster ..."
names=$(for group; do packages_of "$group"; done)
read -r -d '' -a wanted <<<"$names" || true

remove_policy # of a run that was killed
mapfile -t missing < <(missing_of "${wanted[@]}")
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
