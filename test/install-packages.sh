#!/usr/bin/env bash
# usage: install-packages.sh LIST
# Installs the Debian packages that the file LIST names, one a line, # for comments. Asks nothing of apt when
# all of them are there.
set -euo pipefail

# make asks for several lists side by side, and apt takes one at a time.
exec {lock}<"$0"
flock "$lock"

missing=()
while read -r package; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done < <(grep -v '^#' "$1")
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "$1: missing ${missing[*]}; install them, or run this as root" >&2
    exit 1
  fi
  as_root=(sudo)
fi
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null
}
# The package lists of a fresh machine are empty or old: the first failure asks for new ones.
install || { "${as_root[@]}" apt-get update </dev/null && install; }
