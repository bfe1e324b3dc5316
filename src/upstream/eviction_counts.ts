// EvictionCounts: what was evicted of each bucket since the start.

import type { Counters } from '../native/addon.ts';
import type { Bounds } from './bounds.ts';

export interface Evicted {
  objects: number;
  bytes: number;
  /** Objects that were not kept, for want of room. */
  passed: number;
}

export class EvictionCounts {
  readonly #counts = new Map<string, Evicted>();

  of(bucket: string): Evicted {
    const known = this.#counts.get(bucket) ?? { objects: 0, bytes: 0, passed: 0 };
    this.#counts.set(bucket, known);
    return known;
  }

  /** @param all the buckets that are told of. */
  counters(all: ReadonlyMap<string, Pick<Bounds, 'maxBytes'>>): Counters {
    const found: Counters = {};
    for (const [bucket, { maxBytes }] of all) {
      const { objects, bytes, passed } = this.of(bucket);
      found[`mirror_evicted_objects.${bucket}`] = objects;
      found[`mirror_evicted_bytes.${bucket}`] = bytes;
      found[`mirror_passed.${bucket}`] = passed;
      if (Number.isFinite(maxBytes)) found[`mirror_most_bytes.${bucket}`] = maxBytes;
    }
    return found;
  }
}
