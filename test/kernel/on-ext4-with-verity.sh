#!/usr/bin/env bash
# usage: on-ext4-with-verity.sh COMMAND...
# Runs COMMAND with SEALGATE_TEST_DIR on an ext4 that is made for it, with fs-verity, and
# SEALGATE_EXPECT_VERITY=1. For a kernel that in-kernel.sh has booted: mounts, and takes root. 77: this kernel
# has no fs-verity; the reason was printed.
set -euo pipefail
base=${SEALGATE_TEST_DIR:-/tmp}
image=$base/verity.image mount=$base/verity
echo "# on ext4 with fs-verity, Linux $(uname -r)"
[[ -e /sys/fs/ext4/features/verity ]] || {
  echo "SKIP: ext4 of Linux $(uname -r) has no fs-verity" >&2
  exit 77
}
rm -f "$image"
truncate -s 64M "$image"
mkfs.ext4 -q -O verity -b 4096 "$image"
mkdir -p "$mount"
mount -o loop "$image" "$mount"
chmod 1777 "$mount"  # COMMAND may give up root
status=0
SEALGATE_TEST_DIR=$mount SEALGATE_EXPECT_VERITY=1 "$@" || status=$?
umount --lazy "$mount"
exit "$status"
