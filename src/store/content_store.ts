// ContentStore: the contract of store.ts on a disk. Bytes, name, metadata, in this order; reading goes in the
// opposite order and checks again.

import { type Dates, dateOf } from '../dates.ts';
import { type ErrorCode, SealgateError } from '../errors.ts';
import { KeyedLock } from '../keyed_lock.ts';
import { checkedMediaType, isRecordedType, mediaTypeOf } from '../media_type.ts';
import type { Evidence, Hashed, SealBreak, StoreLock } from '../native/addon.ts';
import { Blobs } from './blobs.ts';
import { NoRoom } from './disk_reserve.ts';
import { forgetBlob } from './forgetting.ts';
import { knownBlob, knownBlobs } from './known_blobs.ts';
import {
  checkData,
  checkFormat,
  checkLockFile,
  checkWhole,
  lockStore,
  makeFolders,
  makeRoot,
} from './layout.ts';
import { listNames, type RefRecord } from './listing.ts';
import { Metadata } from './metadata.ts';
import { checkObjectName } from './names.ts';
import { type BlobRecord, Proofs } from './proofs.ts';
import { restoreBlob } from './restore.ts';
import type {
  BucketKind,
  FirstRead,
  KnownBlob,
  Listing,
  NewRef,
  PutOutcome,
  Ref,
  Restored,
  Store,
} from './store.ts';
import { textType } from './text_type.ts';
import { modifiedSince, timeBehind } from './version_times.ts';

interface BucketRecord {
  kind: BucketKind;
  created: number;
}

export interface OpenOptions {
  root: string;
  /** Beside a process that writes: nothing is locked, nothing is written. */
  readOnly?: boolean;
  /** What HTTP tells as the date of a version; absent: when it was written. */
  dates?: Dates;
  /** Hears how many unfinished uploads were removed. */
  onRecovered?: (files: number) => void;
  /** Hears, as a sentence, what was found and mended in the metadata. */
  onNotice?: (said: string) => void;
}

/**
 * Opens a store, making it when it is not there.
 * Rejects when another process writes to it, or when its format is another one.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  const { root, readOnly = false, dates = 'written', onRecovered, onNotice = () => {} } = options;
  const blobs = new Blobs(root);
  if (readOnly) {
    await checkFormat(root, false);
    await checkWhole(root);
    await checkData(root);
    await checkLockFile(root);
    return new ContentStore(root, blobs, await Metadata.reader(root), undefined, dates);
  }
  await makeRoot(root);
  const lock = await lockStore(root);
  try {
    await makeFolders(root);
    await checkFormat(root, true);
    await checkWhole(root);
    await checkLockFile(root);
    const removed = await blobs.prepare();
    if (removed > 0) onRecovered?.(removed);
    return new ContentStore(root, blobs, await Metadata.writer(root, { onNotice }), lock, dates);
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

/** What keeps a blob from being sound that its bytes, sent again, may mend. */
const passed: ErrorCode[] = ['seal-broken', 'store-read-failed'];

class ContentStore implements Store {
  readonly root: string;
  readonly #blobs: Blobs;
  readonly #meta: Metadata;
  /** Absent in a read-only store. */
  readonly #lock: StoreLock | undefined;
  readonly #dates: Dates;
  /** Those asked for before. What a bucket is, it stays. */
  readonly #buckets = new Map<string, { name: string } & BucketRecord>();
  readonly #proofs: Proofs;
  /** By digest: what is proved or withdrawn is not what is placed meanwhile. */
  readonly #locks = new KeyedLock();

  constructor(root: string, blobs: Blobs, meta: Metadata, lock: StoreLock | undefined, dates: Dates) {
    this.root = root;
    this.#blobs = blobs;
    this.#meta = meta;
    this.#lock = lock;
    this.#dates = dates;
    this.#proofs = new Proofs(meta, blobs, this.#locks, lock !== undefined);
  }

  // --- buckets
  // --------------------------------------------------------------------------------------------------

  buckets() {
    return [...this.#meta.range<BucketRecord>('buckets')].map(({ key, value }) => ({
      name: key as string,
      ...value,
    }));
  }

  bucket(name: string) {
    const known = this.#buckets.get(name);
    if (known) return known;
    const record = this.#meta.get<BucketRecord>('buckets', name);
    if (!record) return undefined;
    const bucket = { name, ...record };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  async createBucket(name: string, kind: BucketKind): Promise<void> {
    if (await this.#meta.putOnce('buckets', name, { kind, created: Date.now() })) return;
    const { kind: actual } = this.#knownBucket(name);
    if (actual !== kind) {
      throw new SealgateError(
        'bucket-kind-differs',
        `Bucket ${name} is ${actual}, and stays it; asked for was ${kind}.`,
      );
    }
  }

  #knownBucket(name: string) {
    const bucket = this.bucket(name);
    if (!bucket) throw new SealgateError('bucket-unknown', `There is no bucket ${name}.`);
    return bucket;
  }

  // --- blobs
  // ----------------------------------------------------------------------------------------------------

  blob(digest: string) {
    const record = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
    return record && 'size' in record ? { size: record.size, created: record.created } : undefined;
  }

  recorded(digest: string, firstRead?: FirstRead) {
    return this.#proofs.recorded(digest, firstRead);
  }

  seal(digest: string) {
    return this.#proofs.seal(digest);
  }

  prove(digest: string, broken: SealBreak) {
    return this.#proofs.prove(digest, broken);
  }

  quarantine(digest: string, reason: string) {
    return this.#proofs.quarantine(digest, reason);
  }

  counters() {
    return this.#proofs.counters();
  }

  known(page: { after: string; limit: number } | { only: string }): KnownBlob[] {
    return 'only' in page ? knownBlob(this.#meta, page.only) : knownBlobs(this.#meta, page);
  }

  restore(digest: string): Promise<Restored> {
    return this.#locks.run(digest, () => restoreBlob(this.#meta, this.#blobs, digest));
  }

  forget(digest: string, why: string): Promise<boolean> {
    return this.#locks.run(digest, () => forgetBlob(this.#meta, this.#blobs, digest, why));
  }

  stagingPath(): string {
    return this.#blobs.stagingPath();
  }

  async commitBlob(staging: string, hashed: Hashed): Promise<void> {
    if (await this.#isSound(hashed.digest)) return;
    await this.#locks.run(hashed.digest, () => this.#place(staging, hashed));
  }

  async #place(staging: string, { digest, size }: Hashed): Promise<void> {
    const placement = await this.#blobs.place(staging, digest);
    // COMMIT 1: the bytes are durable under their digest.
    // A file that was there without a good record is what a crash between the two left, or damage: it is
    // hashed.
    const evidence = placement.created ? placement.evidence : await this.#verified(digest);
    const record: BlobRecord = { size, evidence, created: Date.now() };
    await this.#meta
      .append<BlobRecord>('blobs', [digest], () => record)
      .catch(async (cause) => {
        // What nothing will ever point at would keep a full disk full.
        if (placement.created && cause instanceof NoRoom) await this.#blobs.unplace(digest);
        throw cause;
      });
  }

  // Whether the blob is in place already and passes its proof. One that does not is out of the way
  // afterwards, and one that cannot be reached is placed again, if that is possible.
  async #isSound(digest: string): Promise<boolean> {
    if (!this.blob(digest)) return false;
    try {
      await this.seal(digest);
      return true;
    } catch (error) {
      if (error instanceof SealgateError && passed.includes(error.code)) return false;
      throw error;
    }
  }

  async #verified(digest: string): Promise<Evidence> {
    const found = await this.#blobs.hash(digest).catch((cause) => {
      throw new SealgateError('store-read-failed', `Blob ${digest} cannot be read.`, { cause });
    });
    if (found.digest === digest) return found.evidence;
    await this.#blobs.quarantine(digest);
    throw new SealgateError(
      'store-write-failed',
      `A damaged file stood in for blob ${digest}; it was removed, try again.`,
    );
  }

  // --- refs
  // -----------------------------------------------------------------------------------------------------

  resolve(bucket: string, name: string): Ref | undefined {
    const newest = this.#meta.newest<RefRecord>('refs', [bucket, name]);
    if (!newest) return undefined;
    const { version, value } = newest;
    if ('deleted' in value) return { version, deleted: true, created: value.created };
    return { version, deleted: false, ...value, date: dateOf(value, this.#dates) };
  }

  async putRef(bucket: string, name: string, to: NewRef): Promise<PutOutcome> {
    const { kind } = this.#knownBucket(bucket);
    checkObjectName(name);
    const { digest } = to;
    const blob = this.blob(digest);
    if (!blob) throw new SealgateError('not-found', `There is no blob ${digest}.`);
    const said = to.mediaType === undefined ? undefined : checkedMediaType(to.mediaType);
    const mediaType = said ?? (await textType(mediaTypeOf(name), this.#blobs.path(digest), blob.size));
    let outcome: PutOutcome = 'created';
    // COMMIT 2, in append: the name points at the bytes, durably.
    await this.#meta.append<RefRecord>('refs', [bucket, name], (newest) => {
      outcome = this.#outcome(kind, bucket, name, newest?.value, { digest, mediaType: said });
      if (outcome === 'same') return undefined;
      const time = timeBehind(newest?.value);
      const modified = modifiedSince(newest?.value, to.modified, time.created);
      return { digest, mediaType, size: blob.size, ...time, ...(modified !== undefined && { modified }) };
    });
    return outcome;
  }

  #outcome(
    kind: BucketKind,
    bucket: string,
    name: string,
    newest: RefRecord | undefined,
    { digest, mediaType }: NewRef,
  ): PutOutcome {
    if (!newest) return 'created';
    if ('deleted' in newest) {
      if (kind === 'write-once' && this.#lastDigest(bucket, name) !== digest)
        throw new SealgateError('name-taken');
      return 'replaced';
    }
    const sameBytes = newest.digest === digest;
    if (sameBytes && (mediaType === undefined || isRecordedType(mediaType, newest.mediaType))) return 'same';
    if (kind === 'write-once') throw new SealgateError(sameBytes ? 'media-type-differs' : 'name-taken');
    return 'replaced';
  }

  // What a write-once name held before it was deleted: the one thing that it may hold again.
  #lastDigest(bucket: string, name: string): string | undefined {
    for (const { value } of this.#meta.range<RefRecord>('refs', { start: [bucket, name], limit: 1 })) {
      return 'digest' in value ? value.digest : undefined;
    }
    return undefined;
  }

  async deleteRef(bucket: string, name: string): Promise<boolean> {
    this.#knownBucket(bucket);
    return this.#meta.append<RefRecord>('refs', [bucket, name], (newest) =>
      !newest || 'deleted' in newest.value
        ? undefined
        : { deleted: true, created: timeBehind(newest.value).created },
    );
  }

  list(bucket: string, page: { prefix: string; after: string; limit: number }): Listing {
    this.#knownBucket(bucket);
    return listNames(this.#meta, bucket, page, this.#dates);
  }

  fault() {
    return this.#meta.fault();
  }

  get ended() {
    return this.#meta.ended;
  }

  async close(): Promise<void> {
    await this.#meta.close();
    this.#lock?.release();
  }
}
