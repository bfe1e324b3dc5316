#!/usr/bin/env bash
# usage: fetch.sh old-uml|old-qemu|new
# Puts a kernel into .cache/kernel/NAME and prints that folder. Nothing is installed into the system.
#   old-uml   Debian 12's user-mode Linux 6.1: kernel TLS without rekey
#   old-qemu  Debian 12's kernel 6.1 for real machines, which QEMU boots
#   new       Debian sid's user-mode Linux 7: kernel TLS with rekey; it brings the C library it needs
set -euo pipefail
name=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
home=$root/.cache/kernel/$name
fail() {
  echo "fetch.sh: $name kernel: $*" >&2
  exit 1
}

if [[ -e $home/complete ]]; then
  echo "$home"
  exit 0
fi
rm -rf "$home"
mkdir -p "$home/download"
cd "$home/download"

# The package of a real machine's kernel is named after its version; linux-image-amd64 depends on the newest.
package() {
  if [[ $name == old-uml ]]; then
    echo user-mode-linux
  else
    apt-cache depends linux-image-amd64 | sed -nE 's/^ *Depends: (linux-image-[0-9].*)/\1/p' | head -n 1
  fi
}

download() {
  if [[ $name != new ]]; then
    apt-get download "$(package)" 2>&1 && return
    apt-get update 2>&1 && apt-get download "$(package)" 2>&1
    return
  fi
  local uri state=$home/apt
  uri=$("$root/test/debian-mirror.sh") ||
    fail "no Debian mirror in /etc/apt/sources.list*; add one and run this again"
  mkdir -p "$state"/{lists/partial,cache/archives/partial}
  : >"$state/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri sid main" >"$state/sources.list"
  # shellcheck disable=SC2054  # the commas belong to apt's option names
  local private=(
    -oDir::State::Lists="$state/lists" -oDir::State::status="$state/status" -oDir::Cache="$state/cache"
    -oDir::Etc::sourcelist="$state/sources.list" -oDir::Etc::sourceparts=/dev/null -oAcquire::Languages=none
  )
  apt-get "${private[@]}" update 2>&1 && apt-get "${private[@]}" download user-mode-linux libc6 2>&1
}

for attempt in 1 2 3; do
  if download >"$home/download.log"; then break; fi
  if ((attempt == 3)); then
    tail -n 5 "$home/download.log" >&2
    fail "its packages could not be downloaded; see $home/download.log"
  fi
  sleep 3
done
for package in ./*.deb; do dpkg -x "$package" "$home"; done

if [[ $name == new ]]; then
  command -v patchelf >/dev/null || fail "patchelf is missing; 'make setup' installs it"
  loader=$(find "$home" -name 'ld-linux-x86-64.so.2' | head -n 1)
  libraries=$(dirname "$(find "$home" -name 'libc.so.6' | head -n 1)")
  patchelf --set-interpreter "$loader" --set-rpath "$libraries" "$home/usr/bin/linux.uml"
fi
if [[ $name == old-qemu ]]; then
  command -v qemu-system-x86_64 busybox >/dev/null ||
    fail "qemu-system-x86 or busybox is missing; 'make setup' installs them"
  /sbin/depmod -b "$home" "$(basename "$(echo "$home"/lib/modules/*)")"
fi
rm -rf "$home/download" "$home/apt"
touch "$home/complete"
echo "$home"
