// BuildCaches: what build caches were asked for and what came of it, by the name of their site, for metrics.
// Only what the application is asked counts: hits of kept plans are the engine's.

import type { Counters } from '../native/addon.ts';

/** Action results, and the blobs that they name. */
export type CacheKind = 'result' | 'blob';
/**
 * `incomplete`: a result is there, and not all that it names. `known`: what was uploaded was there.
 * `refused`: an upload was, though not for its credentials.
 */
export type CacheOutcome = 'hit' | 'absent' | 'incomplete' | 'stored' | 'known' | 'refused';

const outcomes = {
  result: ['hit', 'absent', 'incomplete', 'stored', 'known', 'refused'],
  blob: ['hit', 'absent', 'stored', 'known', 'refused'],
} as const satisfies Record<CacheKind, CacheOutcome[]>;

export class CacheTotals {
  readonly #counts = new Map<string, number>();
  storedBytes = 0;

  constructor() {
    // Rates of a counter need its zero.
    for (const kind of ['result', 'blob'] as const)
      for (const outcome of outcomes[kind]) this.#counts.set(`${kind}.${outcome}`, 0);
  }

  count(kind: CacheKind, outcome: CacheOutcome): void {
    const key = `${kind}.${outcome}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  counters(site: string): [name: string, value: number][] {
    const all = [...this.#counts].map(([key, count]): [string, number] => [`build_${key}/${site}`, count]);
    return [...all, [`build_stored_bytes/${site}`, this.storedBytes]];
  }
}

export class BuildCaches {
  readonly #sites = new Map<string, CacheTotals>();

  of(site: string): CacheTotals {
    const known = this.#sites.get(site) ?? new CacheTotals();
    this.#sites.set(site, known);
    return known;
  }

  /** Forgets all others. */
  keep(sites: ReadonlySet<string>): void {
    for (const site of this.#sites.keys()) if (!sites.has(site)) this.#sites.delete(site);
  }

  /** As the engine names what it counts by site. */
  counters(): Counters {
    return Object.fromEntries([...this.#sites].flatMap(([site, totals]) => totals.counters(site)));
  }
}
