// PublishingPoints: what has come to each publishing point, by the name of its site, for metrics and the
// dashboard. It is counted from when its site was read.

import type { Counters } from '../native/addon.ts';

export interface PointTotals {
  /** Sessions of encoders that took over names of an earlier one. */
  sessions: number;
  /** Uploads that were refused, but for those of strangers, by problem: the errors there are bound them. */
  refused: Record<string, number>;
  segments: number;
  /** Segments that came later after the one before than such segments do. */
  late: number;
  /** Numbers in names of segments that were left out. */
  missing: number;
  /** Readers of segments that were still arriving. */
  growingReads: number;
  /** When the newest segment came, by `performance.now()`; undefined: none has, or the stream has ended. */
  newestAt: number | undefined;
  /** Seconds from when the end of the newest segment was captured, as the packager says, to its playlist. */
  delay: number | undefined;
}

// Rates of a counter need its zero.
const usual = () => ({ 'segment-taken': 0, 'playlist-behind': 0 });

export function noTotals(): PointTotals {
  return {
    ...{ sessions: 0, refused: usual(), segments: 0, late: 0, missing: 0, growingReads: 0 },
    ...{ newestAt: undefined, delay: undefined },
  };
}

export class PublishingPoints {
  readonly #points = new Map<string, PointTotals>();

  of(site: string): PointTotals {
    const known = this.#points.get(site) ?? noTotals();
    this.#points.set(site, known);
    return known;
  }

  /** Forgets all others. */
  keep(sites: ReadonlySet<string>): void {
    for (const site of this.#points.keys()) if (!sites.has(site)) this.#points.delete(site);
  }

  /** As the engine names what it counts by site. */
  counters(): Counters {
    return Object.fromEntries([...this.#points].flatMap(([site, totals]) => countersOf(site, totals)));
  }
}

function countersOf(site: string, totals: PointTotals): [name: string, value: number][] {
  const { refused, newestAt, delay, growingReads, ...counts } = totals;
  const all: [string, number][] = Object.entries({ ...counts, growing_reads: growingReads });
  for (const [problem, count] of Object.entries(refused)) all.push([`refused_uploads.${problem}`, count]);
  if (newestAt !== undefined) all.push(['newest_age', (performance.now() - newestAt) / 1000]);
  if (delay !== undefined) all.push(['delay', delay]);
  return all.map(([key, value]) => [`point_${key}/${site}`, value]);
}
