#!/usr/bin/env bash
# usage: in-kernel.sh [--seconds N] [--memory SIZE] KERNEL -- COMMAND...
# Runs COMMAND in a kernel that has kernel TLS, with this machine's file system as its root. KERNEL is one of
#   current   the running kernel itself
#   old       Linux 6.1, kernel TLS without rekey: whichever of the next two starts on this processor
#   old-uml   as user-mode Linux
#   old-qemu  on a machine that QEMU emulates: starts everywhere, runs slower
#   new       Linux 7 as user-mode Linux, kernel TLS with rekey
# All but `current` need no privilege of the running kernel. Inside: loopback is up, the tls module and its
# ciphers are loaded, SEALGATE_TEST_DIR names an empty tmpfs (the root is hostfs, which is no model of a
# disk). Environment and working directory are the caller's. COMMAND's output comes through as it is, standard
# error with it, and its exit status is ours. 77: there is no such kernel here, the reason was printed. 124:
# COMMAND took longer than --seconds.
set -euo pipefail
seconds=1500
memory=2048M
while [[ ${1-} == --* && $1 != -- ]]; do
  case $1 in
    --seconds) seconds=$2 ;;
    --memory) memory=$2 ;;
    *)
      sed -n '2,3p' "$0" >&2
      exit 2
      ;;
  esac
  shift 2
done
name=${1-}
if [[ ! $name =~ ^(current|old|old-uml|old-qemu|new)$ || ${2-} != -- || $# -lt 3 ]]; then
  sed -n '2,3p' "$0" >&2
  exit 2
fi
shift 2
here=$(cd "$(dirname "$0")" && pwd)

unavailable() {
  echo "SKIP: no $name kernel with kernel TLS: $*" >&2
  exit 77
}

if [[ $name == current ]]; then
  modprobe -q tls 2>/dev/null || true
  grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp ||
    unavailable "tls is not in tcp_available_ulp of $(uname -r)"
  SEALGATE_TEST_DIR=$(mktemp -d)
  export SEALGATE_TEST_DIR
  trap 'rm -rf "$SEALGATE_TEST_DIR"' EXIT
  timeout --kill-after=10 "$seconds" "$@"
  exit
fi

if [[ $name == old ]]; then
  name=$("$here/choose-old.sh") || unavailable "it could not be fetched, see above"
fi
home=$("$here/fetch.sh" "$name") || unavailable "it could not be fetched, see above"
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
export -p >"$run/environment"
printf '%q ' "$@" >"$run/command"
printf '%s' "$PWD" >"$run/directory"

options=()
[[ $name == new ]] && options+=(seccomp=on)
boot=("$here/boot-uml.sh" "$home" "$run" "$memory" "${options[@]}")
[[ $name == old-qemu ]] && boot=("$here/boot-qemu.sh" "$home" "$run" "$memory")
# A session of its own: user-mode Linux is several processes, and all of them have to end.
setsid "${boot[@]}" &
kernel=$!
trap 'kill -KILL -- "-$kernel" 2>/dev/null || true; rm -rf "$run"' EXIT

for ((waited = 0; ; waited++)); do
  kill -0 "$kernel" 2>/dev/null || break
  if ((waited >= seconds * 10)); then
    echo "in-kernel.sh: ended after $seconds s: $(cat "$run/command")" >&2
    exit 124
  fi
  sleep 0.1
done
if [[ ! -s $run/status ]]; then
  tail -n 20 "$run/log" >&2
  unavailable "it stopped before the command did, its last words are above"
fi
exit "$(cat "$run/status")"
