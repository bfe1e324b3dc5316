// Samples: the engine's counters of the last minutes, one record each interval, for whoever compares, draws
// or explains what happened lately.

import type { Counters } from '../native/addon.ts';
import { type Distribution, distributionOf } from './distribution.ts';

/** Records kept: ten minutes at the default interval. */
const kept = 300;

/** What was counted between two records. */
export interface Interval {
  /** Milliseconds since the epoch: its end. */
  at: number;
  seconds: number;
  counts: Counters;
}

export type GroupName = 'outside' | 'control' | 'canary' | 'sentinel';

/** What one group did in an interval, or in several. */
export interface GroupCounts {
  connections: number;
  responses: number;
  bytes: number;
  cpuSeconds: number;
  /** Responses that ended before their last byte. */
  cut: number;
  /** By class (native/channel_error.h). */
  errors: Record<string, number>;
  /** From the complete request head to the first byte, and to the last. */
  firstByte: Distribution;
  completion: Distribution;
}

export class Samples {
  readonly #counters: () => Counters;
  readonly #intervals: Interval[] = [];
  #last: { at: number; counts: Counters };
  #timer: NodeJS.Timeout | undefined;

  constructor(counters: () => Counters) {
    this.#counters = counters;
    this.#last = { at: Date.now(), counts: counters() };
  }

  /** Takes one each so many seconds and tells; until close(). */
  start(everySeconds: number, onSample: () => void): void {
    this.#timer = setInterval(() => {
      this.take();
      onSample();
    }, everySeconds * 1000);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  take(): void {
    const now = { at: Date.now(), counts: this.#counters() };
    const seconds = Math.max(now.at - this.#last.at, 1) / 1000;
    this.#intervals.push({ at: now.at, seconds, counts: difference(now.counts, this.#last.counts) });
    this.#last = now;
    if (this.#intervals.length > kept) this.#intervals.shift();
  }

  /** Oldest first. @param since milliseconds since the epoch; intervals that began before it are left out. */
  intervals(since = 0): readonly Interval[] {
    return this.#intervals.filter(({ at, seconds }) => at - seconds * 1000 >= since);
  }
}

/** Gauges come out as what they changed by, and counters as what was counted. */
function difference(later: Counters, earlier: Counters): Counters {
  const counts: Counters = {};
  for (const [name, value] of Object.entries(later)) {
    const counted = value - (earlier[name] ?? 0);
    if (counted !== 0) counts[name] = counted;
  }
  return counts;
}

/** The sum of several intervals' counts. */
export function sumOf(intervals: readonly Interval[]): Counters {
  const sum: Counters = {};
  for (const { counts } of intervals) {
    for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

/** By what follows the prefix: `valuesUnder(counts, 'fallback.')` → `{off: 3}`. */
export function valuesUnder(counts: Counters, prefix: string): Record<string, number> {
  const found = Object.entries(counts).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

export function groupCounts(counts: Counters, group: GroupName): GroupCounts {
  const value = (what: string) => counts[`group_${what}.${group}`] ?? 0;
  return {
    connections: value('connections'),
    responses: value('responses'),
    bytes: value('bytes'),
    cpuSeconds: value('cpu') / 1e9,
    cut: value('cut'),
    errors: valuesUnder(counts, `group_errors.${group}/`),
    firstByte: distributionOf(valuesUnder(counts, `group_first_byte.${group}/`)),
    completion: distributionOf(valuesUnder(counts, `group_completion.${group}/`)),
  };
}
