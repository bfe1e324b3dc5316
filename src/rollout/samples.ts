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

/**
 * group: all TLS connections of a group. movable: those with a transfer that the kernel could take, from that
 * transfer on; they are the same kind in each group, and all that kernel TLS can change
 * (native/server/group_totals.h).
 */
export type Scope = 'group' | 'movable';

/** What one group did in an interval, or in several. */
export interface GroupCounts {
  connections: number;
  /** Of which the kernel took a direction. */
  moved: number;
  responses: number;
  /** Sent, and received as request bodies. */
  bytes: number;
  received: number;
  /** Of application data that the kernel encrypted or decrypted. */
  kernelBytes: number;
  cpuSeconds: number;
  /** Responses that ended before their last byte, by who ended them. */
  cut: { server: number; client: number };
  /** By class (native/tls/channel_error.h), without those that only say that the client has gone. */
  errors: Record<string, number>;
  /** Those. */
  left: Record<string, number>;
  /** From the complete request head to the first byte, and to the last. */
  firstByte: Distribution;
  completion: Distribution;
}

export class Samples {
  readonly #counters: () => Counters;
  readonly #changedAt: () => number;
  readonly #intervals: Interval[] = [];
  readonly #startedAt = Date.now();
  #last: { at: number; counts: Counters };
  /** Totals at the first sample after the last change; nothing when that was before the start. */
  #mark: { changedAt: number; at: number; counts: Counters };
  #timer: NodeJS.Timeout | undefined;

  /** @param changedAt when the rollout was changed last, milliseconds since the epoch. */
  constructor(counters: () => Counters, changedAt: () => number = () => 0) {
    this.#counters = counters;
    this.#changedAt = changedAt;
    this.#last = { at: Date.now(), counts: counters() };
    this.#mark = { changedAt: changedAt(), at: this.#startedAt, counts: {} };
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
    this.#markChange();
    if (this.#intervals.length > kept) this.#intervals.shift();
  }

  /** Since the server began. */
  total(): { seconds: number; counts: Counters } {
    return { seconds: (this.#last.at - this.#startedAt) / 1000, counts: this.#last.counts };
  }

  /** Since the last change of the rollout, or since the server began, whichever was later. */
  sinceChange(): { seconds: number; counts: Counters } {
    this.#markChange();
    const { at, counts } = this.#mark;
    return { seconds: (this.#last.at - at) / 1000, counts: difference(this.#last.counts, counts) };
  }

  #markChange(): void {
    const changedAt = this.#changedAt();
    if (changedAt !== this.#mark.changedAt) this.#mark = { changedAt, ...this.#last };
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
export function sumOf(intervals: readonly Pick<Interval, 'counts'>[]): Counters {
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
