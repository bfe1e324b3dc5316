#!/usr/bin/env bash
# usage: in-debian.sh SUITE COMMAND...
# Runs COMMAND in a copy of this tree inside a fresh Debian of that suite (`trixie` is Debian 13), which has
# make, Node and npm and nothing else of ours: what a user of it meets. The system is made once, in
# .cache/debian/SUITE, by debootstrap from the mirror that this machine's own apt uses; it shares this
# machine's network, certificates and npm settings. Needs root, for chroot and mounts, which end with COMMAND.
set -euo pipefail
suite=$1
shift
top=$(cd "$(dirname "$0")/.." && pwd)
home=$top/.cache/debian/$suite
fail() {
  echo "in-debian.sh: $*" >&2
  exit 1
}
((EUID == 0)) || fail 'needs root, for chroot and mounts'
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"

# With mounts of its own, which go when this process does.
if [[ ${SEALGATE_MOUNTS-} != own ]]; then
  SEALGATE_MOUNTS=own exec unshare --mount --propagation private "$0" "$suite" "$@"
fi

# A compiler or flags of this machine mean nothing in there.
inside() {
  chroot "$home" env -u CC -u CXX -u MAKEFLAGS DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C.UTF-8 "$@"
}

if [[ ! -e $home/complete ]]; then
  mirror=$("$top/test/debian-mirror.sh") || fail 'no Debian mirror in /etc/apt/sources.list*'
  rm -rf "$home"
  mkdir -p "$home"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$home" "$mirror" >&2
  cp /etc/apt/apt.conf.d/* "$home/etc/apt/apt.conf.d/"
fi
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
  cp --dereference "$file" "$home$file"
done
[[ ! -e ~/.npmrc ]] || cp ~/.npmrc "$home/root/"
mount --bind /proc "$home/proc"
mount --rbind /sys "$home/sys"
mount --rbind /dev "$home/dev"
if [[ ! -e $home/complete ]]; then
  inside apt-get update >&2
  inside apt-get install -y --no-install-recommends make nodejs npm git >&2
  touch "$home/complete"
fi

# The files of the work tree as they are now, those that git does not know among them. What was built and
# installed for them by an earlier run stays.
mkdir -p "$home/sealgate"
find "$home/sealgate" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name .tools ! -name build \
  -exec rm -rf {} +
(cd "$top" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T -) |
  tar -x -C "$home/sealgate"
inside sh -c 'cd /sealgate && exec "$@"' sh "$@"
