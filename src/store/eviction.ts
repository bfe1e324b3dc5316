// Eviction: takes out of the store what can be had again from elsewhere. Names go first, each with all of
// its versions, then the blobs that nothing else keeps. After a kill in between, collection does the rest.

import type { KeyedLock } from '../keyed_lock.ts';
import type { Blobs } from './blobs.ts';
import type { Buckets } from './buckets.ts';
import { bytesOf, release, removeBlob } from './gc.ts';
import { isHeld, nameHoldKey } from './holds.ts';
import type { Leases } from './leases.ts';
import type { RefRecord } from './listing.ts';
import type { Key, Metadata } from './metadata.ts';
import { maxBatch, type StoreRecord } from './records.ts';
import type { Refs } from './refs.ts';
import { Uses } from './uses.ts';

interface Parts {
  meta: Metadata;
  blobs: Blobs;
  buckets: Buckets;
  refs: Refs;
  leases: Leases;
  /** By digest. */
  locks: KeyedLock;
}

type Removal = Pick<StoreRecord, 'table' | 'key'>;

export class Eviction {
  readonly #parts: Parts;
  readonly uses: Uses;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.uses = new Uses(parts.meta);
  }

  /**
   * Makes a name as if it had never been written, or `older`: removes its versions but the newest. In a
   * write-once bucket it stays known which bytes it had, and other ones are refused. Call it under the lock
   * of the name. Resolves with the digests of what it kept, when that is durable.
   */
  async evict(bucket: string, name: string, which: 'all' | 'older' = 'all'): Promise<string[]> {
    const { buckets, refs } = this.#parts;
    const { kind } = buckets.existing(bucket);
    if (kind === 'write-once' && which === 'all') await refs.delete({ bucket, kind, name });
    const digests = new Set<string>();
    let removals: Removal[] = [];
    for (const { key, value, isNewest } of this.#versions(bucket, name)) {
      if (isNewest && which === 'older') break;
      const version = key[2] as number;
      if ('digest' in value) {
        digests.add(value.digest);
        const hold = nameHoldKey(value.digest, { bucket, name, version });
        if (this.#parts.meta.has('holds', hold)) removals.push({ table: 'holds', key: hold });
      }
      if (kind === 'versioned') removals.push({ table: 'refs', key });
      if (removals.length < maxBatch - 1) continue;
      // From the oldest on: what a kill leaves has no gap.
      await release(this.#parts.meta, removals);
      removals = [];
    }
    if (removals.length > 0) await release(this.#parts.meta, removals);
    if (which === 'all') this.uses.note(bucket, name, undefined);
    return [...digests];
  }

  #versions(bucket: string, name: string): { key: Key; value: RefRecord; isNewest: boolean }[] {
    const found: { key: Key; value: RefRecord; isNewest: boolean }[] = [];
    for (const { key, value } of this.#parts.meta.range<RefRecord>('refs', { start: [bucket, name] })) {
      if (key[0] !== bucket || key[1] !== name) break;
      found.push({ key, value, isNewest: false });
    }
    const newest = found.at(-1);
    if (newest) newest.isNewest = true;
    return found;
  }

  /** Removes those blobs that nothing keeps and nobody works with. Resolves with the bytes of their files. */
  async free(digests: readonly string[]): Promise<number> {
    const removed = await Promise.all(digests.map((digest) => this.#free(digest)));
    return removed.reduce((sum: number, bytes) => sum + (bytes ?? 0), 0);
  }

  async #free(digest: string): Promise<number | undefined> {
    const { meta, leases, locks } = this.#parts;
    return leases.alone(digest, () =>
      locks.run(digest, async () => {
        const record = meta.newest<object>('blobs', [digest])?.value;
        if (!record || 'forgotten' in record || isHeld(meta, digest)) return 0;
        const bytes = bytesOf(meta, digest);
        await removeBlob(this.#parts, digest);
        return bytes;
      }),
    );
  }
}
