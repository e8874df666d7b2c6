# shellcheck shell=bash
# Shared by the scripts of this folder; sourced, not run.

LIGHTER_CACHE=${LIGHTER_CACHE:-$HOME/.cache/lighter}

say() { printf '%s\n' "setup: $*" >&2; }

die() {
  say "$@"
  exit 1
}

as_root() {
  if [ "$EUID" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$*' needs root; run as root or install sudo"
  fi
}
