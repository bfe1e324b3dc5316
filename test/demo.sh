#!/usr/bin/env bash
# usage: demo.sh DIR
# Makes a store in DIR with a development certificate and a few files, serves it on port $PORT (8443), and
# prints commands that fetch and upload. A DIR that an earlier run made is served again. Ends with Ctrl-C.
set -euo pipefail

dir=$1
sealgate=(node dist/src/cli.js)

make_files() {
  mkdir -p "$dir/files/video"
  cat >"$dir/files/index.html" <<'PAGE'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sealgate</title>
<h1>Sealed and served</h1>
<p>This page came out of a content store over TLS. Its ETag is the SHA-256 of what you read.</p>
</html>
PAGE
  echo 'body { font: 1.1rem/1.5 system-ui; max-width: 40rem }' >"$dir/files/style.css"
  for i in 1 2 3; do head -c 2M /dev/urandom >"$dir/files/video/segment-$i.m4s"; done
}

say_how() {
  local token curl
  token=$(grep -o 'sgt_[A-Za-z0-9_-]*' "$dir/init.txt" | head -1)
  curl="curl --cacert $dir/tls/certificate.pem"
  cat <<COMMANDS

  Fetch:   $curl $1/o/files/index.html
  Resume:  $curl $1/o/files/video/segment-1.m4s -r 1000000- -o /dev/null
  Upload:  $curl $1/o/files/README.md -T README.md -H 'Authorization: Bearer $token'

COMMANDS
}

if [[ ! -e $dir/sealgate.json ]]; then
  mkdir -p "$dir"
  (umask 077 && "${sealgate[@]}" init "$dir" >"$dir/init.txt")
  make_files
  "${sealgate[@]}" import "$dir/files" --config "$dir/sealgate.json" --bucket files
fi

# The reader outlives Ctrl-C, so that what the server says while it drains is seen.
announce() {
  trap '' INT
  while read -r line; do
    echo "$line"
    if [[ $line == listening* ]]; then say_how "${line#listening }"; fi
  done
}
listen="https://127.0.0.1:${PORT:-8443}"
exec "${sealgate[@]}" serve --config "$dir/sealgate.json" --listen "$listen" > >(announce)
