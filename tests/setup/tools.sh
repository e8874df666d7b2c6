#!/usr/bin/env bash
# Builds the programs that a test cluster needs and Debian lacks, from pinned and checksummed Go modules, into
# $LIGHTER_CACHE (default ~/.cache/lighter). Says nothing when they are there.
#
#   tests/setup/tools.sh kubernetes    kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl
#   tests/setup/tools.sh helm          helm 3 and helm 4
#   tests/setup/tools.sh containerd    containerd 2, its shim and ctr (Debian's own containerd is 1.6)
#   tests/setup/tools.sh all
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=go.sh
. "$here/go.sh"

# What each folder here builds: its module, its folder in the cache, the space in GB that a first build takes.
module_of() {
  case $1 in
    kubernetes) echo k8s.io/kubernetes ;;
    helm3) echo helm.sh/helm/v3 ;;
    helm4) echo helm.sh/helm/v4 ;;
    containerd) echo github.com/containerd/containerd/v2 ;;
  esac
}
family_of() { echo "${1%[34]}"; }
space_of() { case $1 in kubernetes) echo 8 ;; *) echo 3 ;; esac; }

version_in() { # MODULE GO_MOD
  awk -v module="$1" '$1 == "require" { $1 = $2; $2 = $3 } $1 == module { print $2; exit }' "$2"
}

# The variables that an upstream release sets at link time.
stamps_of() { # TOOL VERSION
  local minor
  case $1 in
    kubernetes)
      minor=${2#v1.}
      printf 'k8s.io/component-base/version.%s\n' "gitVersion=$2" gitMajor=1 "gitMinor=${minor%%.*}"
      ;;
    helm3)
      minor=$(version_in k8s.io/client-go "$here/helm3/go.mod")
      minor=${minor#v0.}
      printf 'helm.sh/helm/v3/%s\n' "internal/version.version=$2" \
        {pkg/chartutil,pkg/lint/rules}.k8sVersion{Major=1,"Minor=${minor%%.*}"}
      ;;
    helm4) echo "helm.sh/helm/v4/internal/version.version=$2" ;;
    containerd) echo "github.com/containerd/containerd/v2/version.Version=$2" ;;
  esac
}

warn_if_disk_is_low() { # TOOL
  local folder free
  for folder in "$(go env GOCACHE)" "$(go env GOMODCACHE)"; do
    mkdir -p "$folder"
    free=$(df --output=avail -BG "$folder" | tr -dc '0-9\n' | tail -1)
    [ "$free" -ge "$(space_of "$1")" ] || say "only $free GB are free at $folder; a first build of $1 takes about" \
      "$(space_of "$1") GB there. If it fails: free some, or set GOCACHE, GOMODCACHE and LIGHTER_CACHE to a larger disk"
  done
}

build() { # TOOL VERSION FOLDER
  local temporary=$3.building stamps programs seconds=$SECONDS
  ensure_go
  warn_if_disk_is_low "$1"
  say "building $1 $2 into $3 (first time: minutes; $(go version | cut -d' ' -f3))"
  rm -rf "$temporary"
  mkdir -p "$temporary"
  stamps=$(stamps_of "$1" "$2" | sed 's/^/-X /' | paste -sd' ')
  mapfile -t programs < <(cd "$here/$1" && go list tool)
  (cd "$here/$1" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly \
    go build -trimpath -ldflags "-s -w $stamps" -o "$temporary/" "${programs[@]}")
  mv -T "$temporary" "$3"
  say "built $1 $2 in $((SECONDS - seconds)) s"
}

ensure() { # TOOL
  local version folder
  version=$(version_in "$(module_of "$1")" "$here/$1/go.mod")
  folder=$LIGHTER_CACHE/$(family_of "$1")/$version
  [ ! -d "$folder" ] || return 0
  mkdir -p "${folder%/*}"
  exec {lock}<"${folder%/*}"
  flock "$lock" # another call may be building the same
  if [ ! -d "$folder" ]; then build "$1" "$version" "$folder"; fi
  exec {lock}<&-
}

[ $# -gt 0 ] || die "usage: tools.sh kubernetes|helm|containerd|all ..."
for name; do
  case $name in
    kubernetes | containerd) tools=("$name") ;;
    helm) tools=(helm3 helm4) ;;
    all) tools=(kubernetes helm3 helm4 containerd) ;;
    *) die "unknown tool '$name'; there are: kubernetes, helm, containerd, all" ;;
  esac
  for tool in "${tools[@]}"; do ensure "$tool"; done
done
