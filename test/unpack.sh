#!/usr/bin/env bash
# usage: unpack.sh PROGRAM PACKAGE...
# Prints the absolute path of PROGRAM, as usr/sbin/nginx, out of Debian's packages, which are unpacked into
# .cache/packages and not installed: an installed package would start its server and register it for every
# boot. Libraries that they need and that are not installed are unpacked beside them.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
shift

unpacked=.cache/packages
mkdir -p "$unpacked"
# Tests run side by side and want the same packages.
exec {lock}>"$unpacked/lock"
flock "$lock"

# All of one package at once.
download() {
  local changes libraries
  changes=$(apt-get -qs --no-install-recommends install "$1" 2>/dev/null)
  libraries=$(awk -v own="$1" '/^Inst lib/ && $2 != own { print $2 }' <<<"$changes")
  (cd "$folder" && apt-get -q download "$1" $libraries >log 2>&1)
}
update() {
  local as_root=()
  ((EUID == 0)) || as_root=(sudo -n)
  "${as_root[@]}" apt-get -q update >>"$folder/log" 2>&1
}

# A failed download of the last run must not look complete: the stamp comes last.
for package in "$@"; do
  [[ -e $unpacked/$package.complete ]] && continue
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  # The package lists of a fresh machine are empty or old.
  if ! download "$package" && ! { update && download "$package"; }; then
    cat "$folder/log" >&2
    echo "$package: could not be downloaded; does this Debian have it? 'apt-cache policy $package' tells" >&2
    exit 1
  fi
  for file in "$folder"/*.deb; do dpkg -x "$file" "$unpacked"; done
  rm -rf "$folder"
  touch "$unpacked/$package.complete"
done
realpath "$unpacked/$program"
