// Open files: connections and kept plans hold one each, and the process may not have as many as the limits
// would take. Then both are lowered. What connections that send other files hold is not counted: kept plans
// give way to it.

import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';

/** For the store, the log, libraries, and files that are being opened while others are. */
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
