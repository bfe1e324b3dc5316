// Build caches since the start, for the dashboard.

import type { Counters } from '../native/addon.ts';
import type { BoundedStatus } from '../protocols/mirror/operating.ts';

export interface BuildCacheView extends BoundedStatus {
  /** Reads of results and blobs, also those that workers answered by themselves. */
  hits: number;
  misses: number;
  /** Of the misses those of results that are there, and not all that they name. */
  incomplete: number;
  /** Uploads of what was not there, and their bytes. */
  stored: number;
  storedBytes: number;
  refused: { results: number; blobs: number };
}

/** @param sites what was counted of each site, by the application and by the engine. */
export function buildCachesOf(caches: readonly BoundedStatus[], sites: Counters): BuildCacheView[] {
  return caches.map((cache) => {
    const of = (kind: 'result' | 'blob', outcome: string) =>
      sites[`build_${kind}.${outcome}/${cache.site}`] ?? 0;
    const both = (outcome: string) => of('result', outcome) + of('blob', outcome);
    const incomplete = of('result', 'incomplete');
    const stored = both('stored');
    const answered = sites[`site_responses.2xx/${cache.site}`] ?? 0;
    return {
      ...cache,
      hits: Math.max(both('hit'), answered - stored - both('known')),
      misses: both('absent') + incomplete,
      ...{ incomplete, stored, storedBytes: sites[`build_stored_bytes/${cache.site}`] ?? 0 },
      refused: { results: of('result', 'refused'), blobs: of('blob', 'refused') },
    };
  });
}
