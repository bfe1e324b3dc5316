// PointMetrics: what has come to each publishing point, by the name of its site. Sites are of the operator,
// and problems of errors.ts, so labels have no more values.

import { Counter, Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Counters } from '../native/addon.ts';

const counters: Record<string, string> = {
  sessions: 'Sessions of encoders at a publishing point that took over names of an earlier one.',
  segments: 'Segments that a publishing point stored.',
  late: 'Segments that came more than 1.5 target durations, or usual intervals, after the one before.',
  missing: 'Numbers in names of segments that were left out.',
  growing_reads: 'Responses of a publishing point that followed a segment which was still arriving.',
};

const gauges: Record<string, [name: string, help: string]> = {
  newest_age: [
    'newest_segment_age_seconds',
    'Time since a publishing point stored its newest segment; absent once its stream has ended.',
  ],
  delay: [
    'glass_to_origin_seconds',
    'From when the end of the newest segment was captured, by EXT-X-PROGRAM-DATE-TIME, to its playlist.',
  ],
};

export interface PointUse {
  name: string;
  /** By the names of its totals (sites/publishing_points.ts). */
  totals: Record<string, number>;
  /** By problem. */
  refused: Record<string, number>;
}

/** @param totals `point_sessions/NAME`, `point_refused_uploads.PROBLEM/NAME` and the like. */
export function pointsIn(totals: Counters): PointUse[] {
  const points = new Map<string, PointUse>();
  for (const [counter, value] of Object.entries(totals)) {
    const [, key, problem, name] = /^point_([a-z_]+)(?:\.([a-z-]+))?\/(.*)$/.exec(counter) ?? [];
    if (key === undefined || name === undefined) continue;
    const point = points.get(name) ?? { name, totals: {}, refused: {} };
    points.set(name, point);
    if (problem === undefined) point.totals[key] = value;
    else point.refused[problem] = value;
  }
  return [...points.values()];
}

export class PointMetrics {
  readonly #totals: () => Counters;
  readonly #counters: [key: string, counter: Counter][];
  readonly #gauges: [key: string, gauge: Gauge][];
  readonly #refused: Counter;

  constructor(totals: () => Counters, registry: Registry<OpenMetricsContentType>) {
    this.#totals = totals;
    const registers = [registry];
    this.#counters = Object.entries(counters).map(([key, help]) => [
      key,
      new Counter({ name: `sealgate_point_${key}`, help, labelNames: ['site'], registers }),
    ]);
    this.#gauges = Object.entries(gauges).map(([key, [name, help]]) => [
      key,
      new Gauge({ name: `sealgate_point_${name}`, help, labelNames: ['site'], registers }),
    ]);
    this.#refused = new Counter({
      name: 'sealgate_point_refused_uploads',
      help: 'Uploads to a publishing point that were refused, by problem, but for those of strangers.',
      labelNames: ['site', 'problem'],
      registers,
    });
  }

  update(): void {
    const points = pointsIn(this.#totals());
    for (const [key, counter] of this.#counters) {
      counter.reset();
      for (const { name: site, totals } of points) counter.inc({ site }, totals[key] ?? 0);
    }
    for (const [key, gauge] of this.#gauges) {
      gauge.reset();
      for (const { name: site, totals } of points)
        if (totals[key] !== undefined) gauge.set({ site }, totals[key]);
    }
    this.#refused.reset();
    for (const { name: site, refused } of points)
      for (const [problem, count] of Object.entries(refused)) this.#refused.inc({ site, problem }, count);
  }
}
