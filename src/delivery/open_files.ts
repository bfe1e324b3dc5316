// Open files: a kept plan holds one, a connection its socket and the file it sends, and the process may not
// have as many as the limits would take. Then both are lowered, rather than that a file cannot be opened when
// a client wants it.

import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';

/** For the store, the log, libraries, and files that are being opened while others are. */
const others = 512;

/** RLIMIT_NOFILE, the soft one (getrlimit(2)). */
export function openFilesLimit(): number {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1] ?? 'unlimited';
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** The limits of one worker, lowered alike when all workers together would exceed the limit. */
export function withinOpenFiles(limits: Config['limits'], workers: number, limit: number): Config['limits'] {
  const { connections, planCacheEntries } = limits;
  const share = Math.max(limit - others, 64) / (workers * (2 * connections + planCacheEntries));
  if (share >= 1) return limits;
  const lowered = (count: number) => Math.max(1, Math.floor(count * share));
  return {
    ...limits,
    connections: lowered(connections),
    planCacheEntries: lowered(planCacheEntries),
  };
}
