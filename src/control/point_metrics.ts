// PointMetrics: what has come to each publishing point, by the name of its site.

import { Counter, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Counters } from '../native/addon.ts';

const counters: Record<string, string> = {
  sessions: 'Sessions of encoders at a publishing point that took over names of an earlier one.',
  refused_uploads: 'Uploads to a publishing point that were refused, but for those of strangers.',
};

/** Of one point, by the names of its totals (sites/publishing_points.ts). */
type PointUse = { name: string; totals: Counters };

/** @param totals `point_sessions.NAME` and the like. */
function pointsIn(totals: Counters): PointUse[] {
  const points = new Map<string, Counters>();
  for (const [counter, value] of Object.entries(totals)) {
    const [, key, name] = /^point_([a-z_]+)\.(.*)$/.exec(counter) ?? [];
    if (key === undefined || name === undefined) continue;
    points.set(name, { ...points.get(name), [key]: value });
  }
  return [...points].map(([name, its]) => ({ name, totals: its }));
}

export class PointMetrics {
  readonly #totals: () => Counters;
  readonly #counters: [key: string, counter: Counter][];

  constructor(totals: () => Counters, registry: Registry<OpenMetricsContentType>) {
    this.#totals = totals;
    this.#counters = Object.entries(counters).map(([key, help]) => [
      key,
      new Counter({ name: `sealgate_point_${key}`, help, labelNames: ['site'], registers: [registry] }),
    ]);
  }

  update(): void {
    const points = pointsIn(this.#totals());
    for (const [key, counter] of this.#counters) {
      counter.reset();
      for (const { name: site, totals } of points) counter.inc({ site }, totals[key] ?? 0);
    }
  }
}
