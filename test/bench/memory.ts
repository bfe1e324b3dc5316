// Memory of a process and its children (proc(5)).

import { readdirSync, readFileSync } from 'node:fs';

/** Resident bytes, including shared pages (VmRSS); each child counts in full. */
export function residentMemory(pid: number): number {
  return sum(pid, (each) => kilobytes(each, 'status', /^VmRSS:\s+(\d+) kB$/gm));
}

/** Bytes private to the process, without kernel memory such as socket buffers. */
export function privateMemory(pid: number): number {
  return sum(pid, (each) => kilobytes(each, 'smaps_rollup', /^Private_\w+: +(\d+) kB$/gm));
}

/** Bytes that are no file's: without mapped files, such as a store's metadata, whose pages can be dropped. */
export function anonymousMemory(pid: number): number {
  return sum(pid, (each) => kilobytes(each, 'smaps_rollup', /^Anonymous: +(\d+) kB$/gm));
}

function kilobytes(pid: number, file: string, pattern: RegExp): number {
  const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]) * 1024, 0);
}

function sum(pid: number, of: (pid: number) => number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.reduce((total, child) => total + sum(Number(child), of), of(pid));
}
