#!/usr/bin/env bash
# Prints the path of an nginx executable: the installed one, or Debian's, unpacked into .cache/nginx.
# Unpacked, not installed: the package would start a server and register it for every boot.
set -euo pipefail
cd "$(dirname "$0")/../.."

if command -v nginx; then exit; fi
unpacked=.cache/nginx/usr/sbin/nginx
if [[ ! -x $unpacked ]]; then
  mkdir -p .cache/nginx
  (cd .cache/nginx && apt-get download nginx >&2 && dpkg -x nginx_*.deb . && rm nginx_*.deb)
fi
realpath "$unpacked"
