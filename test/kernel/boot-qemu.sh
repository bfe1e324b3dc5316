#!/usr/bin/env bash
# usage: boot-qemu.sh HOME RUN MEMORY
# Boots the Debian kernel in HOME (see fetch.sh) on an emulated machine, with this machine's file system as
# its root over 9p, for the command in the folder RUN (see in-kernel.sh). It needs no KVM and no privilege.
# The command's output is our standard output, by a port of its own, as an emulated console takes a minute for
# a megabyte; the kernel's own talk goes to RUN/log. Becomes the emulator.
set -euo pipefail
home=$1 run=$2 memory=$3
here=$(cd "$(dirname "$0")" && pwd)
version=$(basename "$(echo "$home"/lib/modules/*)")

# The first file system: busybox, and the modules that reaching the root takes, in the order they need.
first=$run/initramfs
mkdir -p "$first"/{bin,modules,proc,root}
cp "$(command -v busybox)" "$first/bin/busybox"
ln -s busybox "$first/bin/sh"
number=100
for module in virtio_pci 9p 9pnet_virtio virtio_console; do
  while read -r _ path; do
    [[ -n $(find "$first/modules" -name "*-$(basename "$path")") ]] && continue
    cp "$path" "$first/modules/$((number++))-$(basename "$path")"
  done < <(/sbin/modprobe -d "$home" -S "$version" --show-depends "$module")
done
cat >"$first/init" <<INIT
#!/bin/sh
busybox mount -t proc proc /proc
for module in /modules/*; do busybox insmod "\$module"; done
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose host /root
busybox mount -t proc proc /root/proc
exec busybox chroot /root $here/first-process.sh \\
  $run '/dev/vport*p1' $home 'echo o >/proc/sysrq-trigger'
INIT
chmod +x "$first/init"
(cd "$first" && find . | busybox cpio -o -H newc) 2>/dev/null | gzip -1 >"$run/initramfs.gz"

# An input that never ends: at its end QEMU would take the port for unplugged, and writes to it would wait.
mkfifo "$run/input"
exec qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -machine q35 -nodefaults \
  -no-user-config -display none -no-reboot -kernel "$home/boot/vmlinuz-$version" \
  -initrd "$run/initramfs.gz" -append 'console=ttyS0 quiet panic=-1' -serial "file:$run/log" \
  -fsdev local,id=host,path=/,security_model=none,multidevs=remap \
  -device virtio-9p-pci,fsdev=host,mount_tag=host \
  -device virtio-serial-pci -chardev stdio,id=output,signal=off -device virtserialport,chardev=output \
  <>"$run/input" 2>>"$run/log"
