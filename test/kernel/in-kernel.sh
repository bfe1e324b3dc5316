#!/usr/bin/env bash
# usage: in-kernel.sh [--seconds N] [--memory SIZE] current|old|new -- COMMAND...
# Runs COMMAND in a kernel that has kernel TLS, with this machine's file system as its root:
#   current  the running kernel itself
#   old      Linux 6.1 as user-mode Linux: kernel TLS without rekey
#   new      Linux 7 as user-mode Linux: kernel TLS with rekey
# `old` and `new` need no privilege of the running kernel. Inside: loopback is up, the tls module and its
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
if [[ ! $name =~ ^(current|old|new)$ || ${2-} != -- || $# -lt 3 ]]; then
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

home=$("$here/fetch.sh" "$name") || unavailable "it could not be fetched, see above"
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
export -p >"$run/environment"
printf '%q ' "$@" >"$run/command"
printf '%s' "$PWD" >"$run/directory"

# The first process of that kernel. Its console is the caller's standard output; the kernel's own talk goes to
# a log.
cat >"$run/init" <<INIT
#!/bin/bash
run=$run
INIT
cat >>"$run/init" <<'INIT'
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir /run/work
mount -t tmpfs -o size=75% work /run/work
ln -s /proc/self/fd /dev/fd
ip link set lo up
# With what they are made of: the kernel's own requests for modules look in /lib/modules, which is the host's.
for module in tls gcm ccm ctr ghash-generic chacha20poly1305 chacha chacha_generic poly1305_generic; do
  modprobe -q -d "$run/root" "$module"
done
stty -F /dev/tty1 raw -echo 2>/dev/null
(
  source "$run/environment"
  export SEALGATE_TEST_DIR=/run/work
  cd "$(cat "$run/directory")" || exit 126
  eval "exec $(cat "$run/command")"
) </dev/null >/dev/tty1 2>&1
echo $? >"$run/status"
sync
poweroff -f
INIT
chmod +x "$run/init"
mkdir -p "$run/root/lib"
ln -s "$home/usr/lib/uml/modules" "$run/root/lib/modules"

options=()
[[ $name == new ]] && options+=(seccomp=on)
# A session of its own: user-mode Linux is several processes, and all of them have to end.
setsid "$home/usr/bin/linux.uml" "${options[@]}" mem="$memory" umid="sealgate-$$" \
  rootfstype=hostfs rootflags=/ rw init="$run/init" con=null con0=null con1=fd:5,fd:6 quiet \
  5</dev/null 6>&1 >"$run/log" 2>&1 </dev/null &
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
