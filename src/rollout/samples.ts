// Samples: differences of the engine's counters for each interval of the last minutes. The guard, the charts
// and the diagnosis use them.

import type { Counters } from '../native/addon.ts';
import { type Distribution, distributionOf } from './distribution.ts';

/** Intervals kept: ten minutes at the default interval of 2 seconds. */
const kept = 300;

/** The counts between two samples. */
export interface Interval {
  /** Time of the interval's end, milliseconds since the epoch. */
  at: number;
  seconds: number;
  counts: Counters;
}

export type GroupName = 'outside' | 'control' | 'canary' | 'sentinel';

/**
 * group: all TLS connections of a group. movable: connections with a transfer that the kernel could take,
 * counted from that transfer on. These are comparable between groups, and only they can differ because of
 * kernel TLS (native/server/group_totals.h).
 */
export type Scope = 'group' | 'movable';

/** Counts of one group in one or several intervals. */
export interface GroupCounts {
  connections: number;
  /** Connections with at least one direction in the kernel. */
  moved: number;
  responses: number;
  /** Bytes sent. */
  bytes: number;
  /** Bytes received as request bodies. */
  received: number;
  /** Bytes of application data that the kernel encrypted or decrypted. */
  kernelBytes: number;
  cpuSeconds: number;
  /** Responses that ended before their last byte, by who ended them. */
  cut: { server: number; client: number };
  /** Errors by class (native/tls/channel_error.h), without those that only mean that the client left. */
  errors: Record<string, number>;
  /** Errors by class that only mean that the client left. */
  left: Record<string, number>;
  /** Times from the complete request to the first byte, and from its head to the last byte. */
  firstByte: Distribution;
  completion: Distribution;
}

export class Samples {
  readonly #counters: () => Counters;
  readonly #changedAt: () => number;
  readonly #intervals: Interval[] = [];
  readonly #startedAt = Date.now();
  #last: { at: number; counts: Counters };
  /** Totals at the first sample after the last change; empty when the last change was before the start. */
  #mark: { changedAt: number; at: number; counts: Counters };
  #timer: NodeJS.Timeout | undefined;

  /** @param changedAt time of the rollout's last change, milliseconds since the epoch. */
  constructor(counters: () => Counters, changedAt: () => number = () => 0) {
    this.#counters = counters;
    this.#changedAt = changedAt;
    this.#last = { at: Date.now(), counts: counters() };
    this.#mark = { changedAt: changedAt(), at: this.#startedAt, counts: {} };
  }

  /** Takes a sample every `everySeconds` and then calls onSample, until close(). */
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
    this.#markChange();
    if (this.#intervals.length > kept) this.#intervals.shift();
  }

  /** Totals since the server began. */
  total(): { seconds: number; counts: Counters } {
    return { seconds: (this.#last.at - this.#startedAt) / 1000, counts: this.#last.counts };
  }

  /** Counts since the last change of the rollout, or since the server began if that was later. */
  sinceChange(): { seconds: number; counts: Counters } {
    this.#markChange();
    const { at, counts } = this.#mark;
    return { seconds: (this.#last.at - at) / 1000, counts: difference(this.#last.counts, counts) };
  }

  #markChange(): void {
    const changedAt = this.#changedAt();
    if (changedAt !== this.#mark.changedAt) this.#mark = { changedAt, ...this.#last };
  }

  /**
   * Oldest first.
   * @param since milliseconds since the epoch; intervals that began before it are left out.
   */
  intervals(since = 0): readonly Interval[] {
    return this.#intervals.filter(({ at, seconds }) => at - seconds * 1000 >= since);
  }
}

/** For counters, what was counted in between; for gauges, by how much they changed. Zeros are left out. */
function difference(later: Counters, earlier: Counters): Counters {
  const counts: Counters = {};
  for (const [name, value] of Object.entries(later)) {
    const counted = value - (earlier[name] ?? 0);
    if (counted !== 0) counts[name] = counted;
  }
  return counts;
}

/** The counts of several intervals added up. */
export function sumOf(intervals: readonly Pick<Interval, 'counts'>[]): Counters {
  const sum: Counters = {};
  for (const { counts } of intervals) {
    for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

/**
 * The counters whose names begin with the prefix, without it: `valuesUnder(counts, 'fallback.')` → `{off:
 * 3}`.
 */
export function valuesUnder(counts: Counters, prefix: string): Record<string, number> {
  const found = Object.entries(counts).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

export function groupCounts(counts: Counters, group: GroupName, scope: Scope): GroupCounts {
  const value = (what: string, by = '') => counts[`${scope}_${what}.${group}${by}`] ?? 0;
  const under = (what: string) => valuesUnder(counts, `${scope}_${what}.${group}/`);
  return {
    connections: value('connections'),
    moved: value('moved'),
    responses: value('responses'),
    bytes: value('bytes'),
    received: value('received'),
    kernelBytes: value('kernel_bytes'),
    cpuSeconds: value('cpu') / 1e9,
    cut: { server: value('cut', '/server'), client: value('cut', '/client') },
    errors: valuesUnder(counts, `${scope}_errors.${group}/server/`),
    left: valuesUnder(counts, `${scope}_errors.${group}/client/`),
    firstByte: distributionOf(under('first_byte')),
    completion: distributionOf(under('completion')),
  };
}
