// Collection: a round over a store that frees what nothing needs any more. Versions of names that the
// retention of their bucket keeps no longer go first, then blobs that nothing keeps. What can be removed is
// looked for in small pieces, and removed by gc.ts.

import type { KeyedLock } from '../keyed_lock.ts';
import { type Blobs, FilesLeft } from './blobs.ts';
import { expire } from './expiration.ts';
import { bytesOf, release, removeBlob } from './gc.ts';
import { type Hold, holdsOf, isHeld, nameHoldKey, type VersionOfName } from './holds.ts';
import type { Leases } from './leases.ts';
import type { RefRecord } from './listing.ts';
import { behind, type Key, type Metadata } from './metadata.ts';
import type { OwnEnds } from './own_ends.ts';
import type { BlobRecord } from './proofs.ts';
import { maxBatch, type StoreRecord } from './records.ts';
import { behindVersion, collectableFrom, type Keeping, type Superseded, supersededBy } from './retention.ts';
import { RoundPace } from './round_pace.ts';
import { endOf } from './time_to_live.ts';

/** Keys looked at in one turn of the thread that answers everybody: about a millisecond. */
const keysATime = 100;
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
  /** How a name is changed; absent: the change alone. Resolves with what the change does. */
  changing?: (at: { bucket: string; name: string }, change: () => Promise<boolean>) => Promise<boolean>;
  /** Resolves once no kept plan has the files open of what was removed. Before, their bytes are not free. */
  released?: () => Promise<void>;
}

export interface Collected {
  /** Versions of names. */
  versions: number;
  blobs: number;
  /** Size of these blobs. */
  bytes: number;
  /** Names that are deleted from now on, since their time was over. */
  expired: number;
  /** Versions that may be collected later, and their sizes; those whose time is over are among them. */
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
  /** Milliseconds since the epoch. */
  now(): number;
  buckets(): { name: string; ttl?: number }[];
  ownEnds: OwnEnds;
  /** Makes a name deleted whose time was over before then; false: there is none. */
  expire(at: { bucket: string; name: string }, before: number): Promise<boolean>;
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
      /** When its name is as if it were deleted; absent: never. */
      expires?: number;
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
    const expires = superseded ? undefined : endOfName(parts, hold);
    const times = { ...(until !== undefined && { until }), ...(expires !== undefined && { expires }) };
    found.push({ ...hold, isNewest: superseded === undefined, ...times });
  }
  return found;
}

/** @param newest of its name. */
function endOfName(
  { meta, keepingOf }: CollectionParts,
  { bucket, name, version }: VersionOfName,
): number | undefined {
  const value = meta.get<RefRecord>('refs', [bucket, name, version]);
  return value && endOf(value, keepingOf(bucket)?.ttl);
}

// When a version may be collected. Nothing was dead before the store could tell.
function dueFrom(
  { keepingOf, since }: CollectionParts,
  bucket: string,
  { at, ...superseded }: Superseded,
  graceMs: number,
): number | undefined {
  const keeping = keepingOf(bucket);
  return keeping && collectableFrom(keeping, { ...superseded, at: Math.max(at, since) }, graceMs);
}

export async function collect(parts: CollectionParts, round: Round): Promise<Collected> {
  const pace = new RoundPace(round.blobsPerSecond, round.signal);
  const collection = new Collection(parts, round, pace);
  await collection.expireNames();
  await collection.releaseVersions();
  await collection.collectBlobs();
  return collection.done;
}

class Collection {
  readonly #parts: CollectionParts;
  readonly #round: Round;
  readonly #pace: RoundPace;
  readonly #now: number;
  /** Records that are to be removed. */
  #released: Pick<StoreRecord, 'table' | 'key'>[] = [];
  /** The name whose versions are passed, how new its newest is, and whether one of them is kept. */
  #chain = { name: '', newest: 0, isDeleted: false, keeps: false };
  readonly done: Collected = {
    versions: 0,
    blobs: 0,
    bytes: 0,
    expired: 0,
    waiting: { versions: 0, bytes: 0 },
    failed: [],
  };

  constructor(parts: CollectionParts, round: Round, pace: RoundPace) {
    this.#parts = parts;
    this.#round = round;
    this.#pace = pace;
    this.#now = parts.now();
  }

  async expireNames(): Promise<void> {
    const { names, waiting } = await expire(this.#parts, this.#round, this.#pace);
    this.done.expired += names;
    this.done.waiting.versions += waiting.versions;
    this.done.waiting.bytes += waiting.bytes;
  }

  // --- versions ---

  async releaseVersions(): Promise<void> {
    const { meta } = this.#parts;
    let last: Row | undefined;
    for (let start: Key | undefined = ['']; start !== undefined && !this.#pace.isAborted; ) {
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
      await this.#pace.looked(took);
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
    const { created } = older.value;
    const expires = 'expires' in older.value ? older.value.expires : undefined;
    const superseded = { newer: this.#chain.newest - version, at: newer.value.created, created, expires };
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
    for (let start: Key | undefined = ['']; start !== undefined && !this.#pace.isAborted; ) {
      const began = performance.now();
      const page: { key: Key }[] = [...meta.range('blobs', { start, limit: keysATime })];
      const digests = [...new Set(page.map(({ key }) => key[0] as string))];
      const dead = digests.filter((digest) => this.#isDead(digest));
      const took = performance.now() - began;
      for (let i = 0; i < dead.length && !this.#pace.isAborted; i += blobsATime)
        await this.#removeAll(dead.slice(i, i + blobsATime));
      const last: string | undefined = digests.at(-1);
      start = page.length === keysATime && last !== undefined ? behind([last]) : undefined;
      await this.#pace.looked(took);
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
    if (!this.#round.dryRun) await this.#pace.removed(removed.length, performance.now() - began);
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
}

function isOfSameName(one: Key, other: Key): boolean {
  return one[0] === other[0] && one[1] === other[1];
}
