#!/usr/bin/env bash
# usage: on-file-system.sh ext4|btrfs|xfs COMMAND...
# Runs COMMAND with SEALGATE_TEST_DIR on a file system that is made for it, and SEALGATE_TEST_DISK, the file
# that holds it; SEALGATE_EXPECT_VERITY=1 says that the file system has fs-verity, as ext4 must. For a kernel
# that in-kernel.sh has booted: mounts, and takes root. 77: this kernel has no such file system, or its ext4
# no fs-verity; the reason was printed.
set -euo pipefail
kind=$1
shift
base=${SEALGATE_TEST_DIR:-/tmp}
image=$base/$kind.image mount=$base/$kind
skip() {
  echo "SKIP: $* in Linux $(uname -r)" >&2
  exit 77
}
grep -qw "$kind" /proc/filesystems || skip "no $kind"
[[ -e /sys/fs/$kind/features/verity ]] && export SEALGATE_EXPECT_VERITY=1
[[ $kind != ext4 || -n ${SEALGATE_EXPECT_VERITY-} ]] || skip "ext4 has no fs-verity"
echo "# on $kind, Linux $(uname -r)"
rm -f "$image"
case $kind in
  ext4) truncate -s 64M "$image" && mkfs.ext4 -q -O verity -b 4096 "$image" ;;
  btrfs) truncate -s 256M "$image" && mkfs.btrfs -q "$image" >/dev/null ;;
  xfs) truncate -s 320M "$image" && mkfs.xfs -q "$image" ;;
esac
mkdir -p "$mount"
mount -o loop "$image" "$mount"
chmod 1777 "$mount"  # COMMAND may give up root
export SEALGATE_TEST_DIR=$mount SEALGATE_TEST_DISK=$image
status=0
"$@" || status=$?
umount --lazy "$mount"
exit "$status"
