#!/usr/bin/env bash
# usage: demo.sh DIR
# Makes a store in DIR with a development certificate and a few files, serves it, and prints commands that fetch
# and upload. A DIR that an earlier run made is served again as it is. Ends with Ctrl-C.
set -euo pipefail

dir=$1
sealgate=(node dist/src/cli.js)
port=${PORT:-8443}

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
  printf 'body { font: 1.1rem/1.5 system-ui; margin: 3rem auto; max-width: 40rem }\n' >"$dir/files/style.css"
  for i in 1 2 3; do head -c 2M /dev/urandom >"$dir/files/video/segment-$i.m4s"; done
}

if [[ ! -e $dir/sealgate.json ]]; then
  "${sealgate[@]}" init "$dir" | tee "$dir.init"
  mv "$dir.init" "$dir/init.txt"
  chmod 600 "$dir/init.txt"
  make_files
  "${sealgate[@]}" import "$dir/files" --config "$dir/sealgate.json" --bucket files
fi
token=$(grep -o 'sgt_[A-Za-z0-9_-]*' "$dir/init.txt" | head -1)
url=https://localhost:$port
cat <<TEXT

  Fetch:    curl --cacert $dir/tls/certificate.pem $url/o/files/index.html
  Resume:   curl --cacert $dir/tls/certificate.pem -r 1000000- -o /dev/null $url/o/files/video/segment-1.m4s
  Upload:   curl --cacert $dir/tls/certificate.pem -H 'Authorization: Bearer $token' -T README.md $url/o/files/README.md

TEXT
exec "${sealgate[@]}" serve --config "$dir/sealgate.json" --listen "https://127.0.0.1:$port"
