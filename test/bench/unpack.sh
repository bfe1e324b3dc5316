#!/usr/bin/env bash
# usage: unpack.sh PROGRAM PACKAGE...
# Prints the absolute path of PROGRAM, as usr/sbin/nginx, out of Debian's packages, which are unpacked into
# .cache/bench and not installed: an installed package would start its server and register it for every boot.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1
shift

unpacked=.cache/bench
mkdir -p "$unpacked"
# A failed download of the last run must not look complete: the stamp comes last.
for package in "$@"; do
  [[ -e $unpacked/$package.complete ]] && continue
  download=$(mktemp -d)
  trap 'rm -rf "$download"' EXIT
  if ! (cd "$download" && apt-get -q download "$package" >log 2>&1); then
    cat "$download/log" >&2
    echo "$package: could not be downloaded; if apt knows no such package, run 'apt-get update'" >&2
    exit 1
  fi
  dpkg -x "$download"/*.deb "$unpacked"
  rm -rf "$download"
  touch "$unpacked/$package.complete"
done
realpath "$unpacked/$program"
