// Open files: each connection and each kept plan holds one. When the process may not open as many as its
// limits allow, both limits are lowered. Files of responses under way are not counted, since kept plans give
// way to them.

import { readFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';

/** Files reserved for the store, the logs, libraries, and files that are being opened. */
const others = 256;

/** RLIMIT_NOFILE, the soft one (getrlimit(2)). */
export function openFilesLimit(): number {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1] ?? 'unlimited';
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

/** The limits of one worker, lowered alike when all workers together would exceed the limit. */
export function withinOpenFiles(limits: Config['limits'], workers: number, limit: number): Config['limits'] {
  const { connections, planCacheEntries, uploads } = limits;
  const left = limit - others - workers * uploads;
  const share = Math.max(left, 64) / (workers * (connections + planCacheEntries));
  if (share >= 1) return limits;
  const lowered = (count: number) => Math.max(1, Math.floor(count * share));
  return {
    ...limits,
    connections: lowered(connections),
    planCacheEntries: lowered(planCacheEntries),
  };
}
