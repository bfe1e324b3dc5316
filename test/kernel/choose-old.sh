#!/usr/bin/env bash
# Prints which kernel stands for `old` on this processor: `old-uml` where that kernel can run a process, else
# `old-qemu`. User-mode Linux 6.1 dies at its first process where the processor's registers need more room
# than it has (some with AVX-512, all with AMX). What was found is kept for processors with the same flags.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=$("$here/fetch.sh" old-uml)
flags=$(grep -m 1 '^flags' /proc/cpuinfo | sha256sum | cut -c 1-16)
kept=$home/chosen-for-$flags
exec {lock}>"$home/lock"
flock "$lock"
if [[ ! -s $kept ]]; then
  if "$here/in-kernel.sh" --seconds 60 old-uml -- true >/dev/null 2>&1; then
    echo old-uml >"$kept"
  else
    echo old-qemu >"$kept"
  fi
fi
cat "$kept"
