#!/usr/bin/env bash
# Prints the path of a promtool executable: the installed one, or Debian's, unpacked into .cache/prometheus.
# Unpacked, not installed: the package would start a server and register it for every boot.
set -euo pipefail
cd "$(dirname "$0")/../.."

if command -v promtool; then exit; fi
promtool=.cache/prometheus/usr/bin/promtool
if [[ ! -x $promtool ]]; then
  mkdir -p .cache/prometheus
  folder=$(mktemp -d .cache/prometheus/unpack.XXXXXX)
  trap 'rm -rf "$folder"' EXIT
  (cd "$folder" && apt-get download prometheus >&2 && dpkg-deb -x prometheus_*.deb .)
  mkdir -p "$(dirname "$promtool")"
  # Into place at once: another test may be looking for it.
  mv "$folder/usr/bin/promtool" "$promtool"
fi
realpath "$promtool"
