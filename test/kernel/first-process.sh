#!/bin/bash
# usage: first-process.sh RUN OUTPUT MODULES END
# The first process of a kernel that in-kernel.sh booted on this machine's file system: makes what the command
# in the folder RUN needs, runs it with its output on a device, and ends that kernel.
#   OUTPUT   the device, or a pattern that it alone matches
#   MODULES  folder that holds lib/modules of that kernel
#   END      command that ends it
run=$1 pattern=$2 modules=$3 end=$4
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mountpoint -q /proc || mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir /run/work
mount -t tmpfs -o size=75% work /run/work
ln -sf /proc/self/fd /dev/fd
ip link set lo up
ulimit -n 20000
# With what they are made of: the kernel's own requests for modules look in /lib/modules, which is the host's.
# A kernel has some of them built in and lacks others, so one that is not there is no failure; the command
# itself finds out what this kernel can do.
for module in tls gcm ccm ctr ghash-generic aesni-intel chacha20poly1305 chacha chacha_generic \
  poly1305_generic tcp_diag inet_diag loop ext4 btrfs xfs; do
  modprobe -q -d "$modules" "$module"
done
output=$(compgen -G "$pattern" | head -n 1)
[[ -c $output ]] || echo "there is no device $pattern for output" >&2
# A terminal would put a carriage return before the end of each line. Asking another device hangs.
[[ $output == /dev/tty* ]] && stty -F "$output" raw -echo
(
  source "$run/environment"
  export SEALGATE_TEST_DIR=/run/work
  cd "$(cat "$run/directory")" || exit 126
  eval "exec $(cat "$run/command")"
) </dev/null >"$output" 2>&1
echo $? >"$run/status"
sync
eval "$end"
sleep infinity  # that kernel ends by itself; its first process must not end before it
