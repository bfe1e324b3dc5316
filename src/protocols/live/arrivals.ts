// Arrivals: whether the segments of a point come when they should, and all of them. What is expected of one
// is what those before it did: the interval between two, and the step from number to number.

import { setNewest } from '../../newest_map.ts';
import type { PointTotals } from '../../sites/publishing_points.ts';
import { numberedName } from './numbered_name.ts';

/** Series that are followed; what comes after so many others begins anew. */
const mostSeries = 1024;
/** Newest intervals and steps that the median is of. */
const most = 9;
/** As players see it (rfc8216bis 6.2.1): one that takes longer than so many segments is late. */
const lateAfter = 1.5;
/** Milliseconds that are never late, however short segments are. */
const tolerance = 250;
/** Several uploads may be under way: a number is missing when so many behind it have come. */
const patience = 3;
/** Numbers left out at a time; beyond that another count has begun. */
const mostMissing = 100;

interface Series {
  number: number;
  /** By `performance.now()`. */
  at: number;
  intervals: number[];
  steps: number[];
  /** Numbers that were passed over and have not come. */
  absent: Set<number>;
}

export class Arrivals {
  readonly #totals: PointTotals;
  /** By what names are without their number; what came last is the last. */
  readonly #series = new Map<string, Series>();

  constructor(totals: PointTotals) {
    this.#totals = totals;
  }

  /** @param pace milliseconds from one segment to the next at most, as its playlist says; 0: nobody says. */
  came(name: string, pace: number, now = performance.now()): void {
    const { series: its, number } = numberedName(name);
    this.#totals.segments += 1;
    this.#totals.newestAt = now;
    if (number === undefined) return;
    const series = this.#series.get(its);
    const next = series && this.#follows(series, number, now, pace);
    const first = { number, at: now, intervals: [], steps: [], absent: new Set<number>() };
    setNewest(this.#series, its, next ?? first, mostSeries);
  }

  /** Undefined: another count has begun. */
  #follows(series: Series, number: number, now: number, pace: number): Series | undefined {
    if (series.absent.delete(number)) return series;
    const step = number - series.number;
    const usual = median(series.steps) ?? step;
    const steps = Math.round(step / usual);
    if (step <= 0 || steps > mostMissing) return undefined;
    const interval = now - series.at;
    const expected = pace > 0 ? pace : median(series.intervals);
    if (expected !== undefined && interval > Math.max(expected * lateAfter, expected + tolerance) * steps)
      this.#totals.late += 1;
    for (let skipped = 1; skipped < steps; skipped++) series.absent.add(series.number + skipped * usual);
    for (const each of series.absent) {
      if (number - each < patience * usual) continue;
      series.absent.delete(each);
      this.#totals.missing += 1;
    }
    keepNewest(series.intervals, interval / Math.max(steps, 1));
    if (steps <= 1) keepNewest(series.steps, step);
    return Object.assign(series, { number, at: now });
  }
}

function keepNewest(values: number[], value: number): void {
  values.push(value);
  if (values.length > most) values.shift();
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
