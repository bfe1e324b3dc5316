#!/usr/bin/env bash
# usage: boot-uml.sh HOME RUN MEMORY [OPTION...]
# Boots the user-mode Linux in HOME (see fetch.sh) with this machine's file system as its root, for the
# command in the folder RUN (see in-kernel.sh). The command's output is our standard output; the kernel's own
# talk goes to RUN/log. Becomes the first process of that kernel on this machine.
set -euo pipefail
home=$1 run=$2 memory=$3
shift 3
mkdir -p "$run/modules/lib"
ln -sfn "$home/usr/lib/uml/modules" "$run/modules/lib/modules"
here=$(cd "$(dirname "$0")" && pwd)
cat >"$run/init" <<INIT
#!/bin/bash
exec $here/first-process.sh $run /dev/tty1 $run/modules 'poweroff -f'
INIT
chmod +x "$run/init"
exec "$home/usr/bin/linux.uml" "$@" mem="$memory" umid="sealgate-$$" \
  rootfstype=hostfs rootflags=/ rw init="$run/init" con=null con0=null con1=fd:5,fd:6 quiet \
  5</dev/null 6>&1 >"$run/log" 2>&1 </dev/null
