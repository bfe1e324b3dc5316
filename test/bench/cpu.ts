// CPU time of a process and its descendants, from the kernel's own accounting (proc(5)).

import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds that the process, its live threads and its descendants have run. */
export function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [ran = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    sum += Number(ran);
    for (const child of childrenOf(pid, thread)) sum += cpuNanoseconds(child);
  }
  return sum;
}

function childrenOf(pid: number, thread: string): number[] {
  const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
