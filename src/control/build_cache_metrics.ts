// BuildCacheMetrics: what build caches were asked for, by the name of the site (sites/build_caches.ts).

import { Counter, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Counters } from '../native/addon.ts';

export class BuildCacheMetrics {
  readonly #totals: () => Counters;
  readonly #requests: Counter;
  readonly #bytes: Counter;

  constructor(totals: () => Counters, registry: Registry<OpenMetricsContentType>) {
    this.#totals = totals;
    const registers = [registry];
    this.#requests = new Counter({
      name: 'sealgate_build_cache_requests',
      help:
        'Requests to a build cache that came to the application, by what they are for (result, blob) and ' +
        'their outcome: hit, absent, incomplete (a result without all it names), stored, known, refused.',
      labelNames: ['site', 'kind', 'outcome'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'sealgate_build_cache_stored_bytes',
      help: 'Bytes of results and blobs that a build cache has stored.',
      labelNames: ['site'],
      registers,
    });
  }

  update(): void {
    for (const each of [this.#requests, this.#bytes]) each.reset();
    for (const [counter, value] of Object.entries(this.#totals())) {
      const [, key, outcome, site] = /^build_([a-z_]+)(?:\.([a-z]+))?\/(.*)$/.exec(counter) ?? [];
      if (key === undefined || site === undefined) continue;
      if (outcome === undefined) this.#bytes.inc({ site }, value);
      else this.#requests.inc({ site, kind: key, outcome }, value);
    }
  }
}
