// PublishingPoints: what has come to each publishing point, by the name of its site, for metrics and the
// dashboard. It is counted from when its site was read.

import type { Counters } from '../native/addon.ts';

export interface PointTotals {
  /** Sessions of encoders that took over names of an earlier one. */
  sessions: number;
  /** Uploads that were refused, but for those of strangers. */
  refused: number;
}

export function noTotals(): PointTotals {
  return { sessions: 0, refused: 0 };
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
    return Object.fromEntries(
      [...this.#points].flatMap(([site, { sessions, refused }]) => [
        [`point_sessions.${site}`, sessions],
        [`point_refused_uploads.${site}`, refused],
      ]),
    );
  }
}
