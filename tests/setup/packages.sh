#!/usr/bin/env bash
# Installs what is missing of the Debian packages of one or more groups; says nothing when nothing is.
#
#   tests/setup/packages.sh build            what compiles lighter and its unit tests
#   tests/setup/packages.sh build cluster    also what a test cluster runs on
#
# Services that come with a package are neither started nor enabled.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

group_build=(
  cmake ninja-build pkg-config make g++ ccache clang-format clang-tidy
  libgrpc++-dev libgrpc-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev
  libarchive-dev libyaml-cpp-dev libgtest-dev libgmock-dev libcli11-dev nlohmann-json3-dev
  libssl-dev zlib1g-dev libacl1-dev liblz4-dev libzstd-dev libbz2-dev liblzma-dev libxml2-dev nettle-dev
  git ca-certificates python3
)
group_cluster=(
  etcd-server runc containerd containernetworking-plugins docker-registry
  iproute2 iptables conntrack socat openssl musl-tools
  util-linux e2fsprogs procps mount python3 ca-certificates
)

group_pip=(python3-pip)

policy=/usr/sbin/policy-rc.d
policy_mark='# placed by tests/setup/packages.sh while it installs'

missing_of() {
  local package
  for package; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
  done
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
  as_root "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
  disable_services_of "$@"
}

[ $# -gt 0 ] || die "usage: packages.sh build|cluster ..."
wanted=()
for group; do
  declare -n packages="group_$group" 2>/dev/null && [ -n "${packages+set}" ] ||
    die "unknown group '$group'; there are: build, cluster, pip"
  wanted+=("${packages[@]}")
done

remove_policy # of a run that was killed
mapfile -t missing < <(missing_of "${wanted[@]}")
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
