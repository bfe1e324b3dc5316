// Collection: a round over a store that frees what nothing needs any more. Versions of names that the
// retention of their bucket keeps no longer go first, then blobs that nothing keeps. What can be removed is
// looked for in small pieces, and removed by gc.ts.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { KeyedLock } from '../keyed_lock.ts';
import { type Blobs, FilesLeft } from './blobs.ts';
import { bytesOf, release, removeBlob } from './gc.ts';
import { type Hold, holdsOf, isHeld, nameHoldKey, type VersionOfName } from './holds.ts';
import type { Leases } from './leases.ts';
import type { RefRecord } from './listing.ts';
import { behind, type Key, type Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import { maxBatch, type StoreRecord } from './records.ts';
import {
  behindVersion,
  collectableFrom,
  type Keeping,
  type Retention,
  type Superseded,
  supersededBy,
} from './retention.ts';

/** Keys looked at in one turn of the thread that answers everybody: about a millisecond. */
const keysATime = 100;
/** Share of that thread's time which a round that is to go slowly takes. */
const share = 0.1;
/** Blobs removed side by side; their commits are shared. */
const blobsATime = 32;
/** Blobs that could not be removed and are named. */
const mostNamed = 10;

export interface Round {
  /** Milliseconds that what was overwritten or deleted, or was never named, stays in any case. */
  graceMs: number;
  /** Nothing is removed; the result says what would be. */
  dryRun?: boolean;
  /** Most blobs removed a second; all other work is slowed down with them. Absent: as fast as it goes. */
  blobsPerSecond?: number;
  /** Ends the round early; the next one begins anew. */
  signal?: AbortSignal;
  /** Resolves once no kept plan has the files open of what was removed. Before, their bytes are not free. */
  released?: () => Promise<void>;
}

export interface Collected {
  /** Versions of names. */
  versions: number;
  blobs: number;
  /** Size of these blobs. */
  bytes: number;
  /** Versions that may be collected later, and their sizes. */
  waiting: { versions: number; bytes: number };
  /** Blobs that could not be removed; the first of them with the reason. */
  failed: { digest: string; why: string }[];
}

export interface CollectionParts {
  meta: Metadata;
  blobs: Blobs;
  /** By digest. */
  locks: KeyedLock;
  leases: Leases;
  /** Undefined: there is no such bucket, and what is in it stays. */
  keepingOf(bucket: string): Keeping | undefined;
  /** Since when the store has what collection needs: nothing counts as dead for longer. */
  since: number;
}

/** One version of a name, as it is recorded. */
type Row = { key: Key; value: RefRecord };

/** What keeps a blob, and until when. */
export type Kept =
  | Exclude<Hold, { kind: 'name' }>
  | (Extract<Hold, { kind: 'name' }> & {
      isNewest: boolean;
      /** From when on it may be collected, in milliseconds since the epoch; absent: not as things are. */
      until?: number;
    });

export function keptBy(
  parts: CollectionParts,
  digest: string,
  { graceMs, limit }: { graceMs: number; limit: number },
): Kept[] {
  const found: Kept[] = [];
  for (const hold of holdsOf(parts.meta, digest)) {
    if (found.length === limit) break;
    if (hold.kind !== 'name') {
      found.push(hold);
      continue;
    }
    const superseded = supersededBy(parts.meta, hold);
    const until = superseded && dueFrom(parts, hold.bucket, superseded, graceMs);
    found.push({ ...hold, isNewest: superseded === undefined, ...(until !== undefined && { until }) });
  }
  return found;
}

// When a version may be collected. Nothing was dead before the store could tell.
function dueFrom(
  { keepingOf, since }: CollectionParts,
  bucket: string,
  { newer, at }: Superseded,
  graceMs: number,
): number | undefined {
  const keeping = keepingOf(bucket);
  return keeping && collectableFrom(keeping, { newer, at: Math.max(at, since) }, graceMs);
}

/** The versions of a bucket that a rule would keep no longer than the grace time. */
export async function removedBy(
  meta: Metadata,
  bucket: string,
  keep: Retention | undefined,
): Promise<{ versions: number; bytes: number }> {
  const found = { versions: 0, bytes: 0 };
  const now = Date.now();
  for (let start: Key | undefined = [bucket]; start !== undefined; ) {
    const page: Row[] = [...meta.range<RefRecord>('refs', { start, limit: keysATime })];
    const own = page.filter(({ key }) => key[0] === bucket);
    for (const { key, value } of own) {
      const [, name, version] = key as [string, string, number];
      const superseded = supersededBy(meta, { bucket, name, version });
      const from = superseded && collectableFrom({ kind: 'versioned', keep }, superseded, 0);
      if (from === undefined || from > now) continue;
      found.versions++;
      found.bytes += 'size' in value ? value.size : 0;
    }
    const last: Row | undefined = own.at(-1);
    start = own.length === keysATime && last ? behindVersion(last.key as (string | number)[]) : undefined;
    await setImmediate();
  }
  return found;
}

export async function collect(parts: CollectionParts, round: Round): Promise<Collected> {
  const collection = new Collection(parts, round);
  await collection.releaseVersions();
  await collection.collectBlobs();
  return collection.done;
}

class Collection {
  readonly #parts: CollectionParts;
  readonly #round: Round;
  readonly #now = Date.now();
  /** Records that are to be removed. */
  #released: Pick<StoreRecord, 'table' | 'key'>[] = [];
  /** The name whose versions are passed, how new its newest is, and whether one of them is kept. */
  #chain = { name: '', newest: 0, isDeleted: false, keeps: false };
  readonly done: Collected = {
    versions: 0,
    blobs: 0,
    bytes: 0,
    waiting: { versions: 0, bytes: 0 },
    failed: [],
  };

  constructor(parts: CollectionParts, round: Round) {
    this.#parts = parts;
    this.#round = round;
  }

  // --- versions ---

  async releaseVersions(): Promise<void> {
    const { meta } = this.#parts;
    let last: Row | undefined;
    for (let start: Key | undefined = ['']; start !== undefined && !this.#isAborted; ) {
      const began = performance.now();
      const page: Row[] = [...meta.range<RefRecord>('refs', { start, limit: keysATime })];
      for (const row of page) {
        if (last && isOfSameName(last.key, row.key)) this.#seeSuperseded(last, row);
        last = row;
        if (this.#released.length > maxBatch - 2) await this.#release();
      }
      const took = performance.now() - began;
      await this.#release();
      start = page.length === keysATime && last ? behindVersion(last.key as (string | number)[]) : undefined;
      await this.#goSlowly(took);
    }
  }

  // The versions of a chain are removed from the oldest on: what is left has no gap.
  #seeSuperseded(older: Row, newer: Row): void {
    const [bucket, name, version] = older.key as [string, string, number];
    const { meta } = this.#parts;
    if (this.#chain.name !== `${bucket}/${name}`) {
      const newest = meta.newest<RefRecord>('refs', [bucket, name]);
      const isDeleted = newest !== undefined && 'deleted' in newest.value;
      this.#chain = { name: `${bucket}/${name}`, newest: newest?.version ?? 0, isDeleted, keeps: false };
    }
    const superseded = { newer: this.#chain.newest - version, at: newer.value.created };
    const from = this.#from(bucket, superseded);
    if (from !== undefined && from > this.#now) {
      this.done.waiting.versions++;
      this.done.waiting.bytes += 'size' in older.value ? older.value.size : 0;
    }
    if (this.#chain.keeps || from === undefined || from > this.#now) this.#chain.keeps = true;
    else this.#take({ bucket, name, version }, older.value);
  }

  #from(bucket: string, superseded: Superseded): number | undefined {
    return dueFrom(this.#parts, bucket, superseded, this.#round.graceMs);
  }

  #take(at: VersionOfName, value: RefRecord): void {
    const { meta } = this.#parts;
    const { bucket, name, version } = at;
    const hold = 'digest' in value ? nameHoldKey(value.digest, at) : undefined;
    const holds = hold !== undefined && meta.has('holds', hold);
    // A deleted name of a write-once bucket may hold again what it held and nothing else: that stays known.
    const isBurnt =
      this.#parts.keepingOf(bucket)?.kind === 'write-once' &&
      this.#chain.isDeleted &&
      version === this.#chain.newest - 1;
    if (isBurnt && !holds) return;
    if (holds) this.#released.push({ table: 'holds', key: hold });
    if (!isBurnt) this.#released.push({ table: 'refs', key: [bucket, name, version] });
    this.done.versions++;
  }

  async #release(): Promise<void> {
    const records = this.#released.splice(0);
    if (records.length > 0 && !this.#round.dryRun) await release(this.#parts.meta, records);
  }

  // --- blobs ---

  async collectBlobs(): Promise<void> {
    const { meta } = this.#parts;
    for (let start: Key | undefined = ['']; start !== undefined && !this.#isAborted; ) {
      const began = performance.now();
      const page: { key: Key }[] = [...meta.range('blobs', { start, limit: keysATime })];
      const digests = [...new Set(page.map(({ key }) => key[0] as string))];
      const dead = digests.filter((digest) => this.#isDead(digest));
      const took = performance.now() - began;
      for (let i = 0; i < dead.length && !this.#isAborted; i += blobsATime)
        await this.#removeAll(dead.slice(i, i + blobsATime));
      const last: string | undefined = digests.at(-1);
      start = page.length === keysATime && last !== undefined ? behind([last]) : undefined;
      await this.#goSlowly(took);
    }
  }

  /** Whether nothing keeps a blob. One that is forgotten stays on record: its names are to answer so. */
  #isDead(digest: string): boolean {
    const { meta, since } = this.#parts;
    const record = meta.newest<BlobRecord>('blobs', [digest])?.value;
    if (!record || 'forgotten' in record) return false;
    if (this.#round.dryRun ? this.#willBeHeld(digest) : isHeld(meta, digest)) return false;
    // A collection that was killed had begun to remove it.
    if ('collected' in record) return true;
    return Math.max(record.created, since) + this.#round.graceMs <= this.#now;
  }

  /** Whether something keeps a blob once the versions were released that may be. */
  #willBeHeld(digest: string): boolean {
    for (const hold of holdsOf(this.#parts.meta, digest)) {
      if (hold.kind !== 'name') return true;
      const superseded = supersededBy(this.#parts.meta, hold);
      const from = superseded && this.#from(hold.bucket, superseded);
      if (from === undefined || from > this.#now) return true;
    }
    return false;
  }

  async #removeAll(digests: string[]): Promise<void> {
    const began = performance.now();
    const outcomes = await Promise.allSettled(digests.map((digest) => this.#remove(digest)));
    const removed = outcomes.flatMap((each) => (each.status === 'fulfilled' ? (each.value ?? []) : []));
    for (const [i, each] of outcomes.entries())
      if (each.status === 'rejected') this.#fail(digests[i] as string, each.reason);
    if (removed.length === 0) return;
    if (!this.#round.dryRun) await this.#round.released?.();
    this.done.blobs += removed.length;
    this.done.bytes += removed.reduce((sum, bytes) => sum + bytes, 0);
    const { blobsPerSecond } = this.#round;
    if (blobsPerSecond === undefined || this.#round.dryRun) return;
    await this.#pause((removed.length / blobsPerSecond) * 1000 - (performance.now() - began));
  }

  // A file that cannot be removed keeps no other from being; where nothing can be recorded the round ends.
  #fail(digest: string, cause: Error): void {
    if (!(cause instanceof FilesLeft)) throw cause;
    if (this.done.failed.length < mostNamed) this.done.failed.push({ digest, why: cause.message });
  }

  /** Bytes; undefined: somebody works with the blob, or keeps it by now. */
  async #remove(digest: string): Promise<number | undefined> {
    const { leases, locks } = this.#parts;
    if (this.#round.dryRun) return bytesOf(this.#parts.meta, digest);
    // It is proved just now: the next round comes back to it.
    if (locks.isHeld(digest)) return undefined;
    return leases.alone(digest, () =>
      locks.run(digest, async () => {
        if (!this.#isDead(digest)) return undefined;
        const bytes = bytesOf(this.#parts.meta, digest);
        await removeBlob(this.#parts, digest);
        return bytes;
      }),
    );
  }

  // --- pace ---

  get #isAborted(): boolean {
    return this.#round.signal?.aborted ?? false;
  }

  // What was waited for the disk is none of the thread's time: removals have a pace of their own.
  async #goSlowly(took: number): Promise<void> {
    await this.#pause(this.#round.blobsPerSecond === undefined ? 0 : Math.min(took, 100) * (1 / share - 1));
  }

  // Others are answered meanwhile, whatever the pace.
  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds < 1) await setImmediate();
    else await sleep(milliseconds, undefined, { signal: this.#round.signal }).catch(() => {});
  }
}

function isOfSameName(one: Key, other: Key): boolean {
  return one[0] === other[0] && one[1] === other[1];
}
