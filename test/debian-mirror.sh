#!/usr/bin/env bash
# Prints the Debian mirror that this machine's own sources name, in either of apt's formats; fails without
# one.
set -eu  # not pipefail: some of the files are missing on every machine
cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  sed -nE -e 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' \
    -e 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' |
  grep -E -m 1 '/debian/?$'
