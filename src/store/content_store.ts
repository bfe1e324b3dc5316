// ContentStore: the contract of store.ts on a disk. Bytes, name, metadata, in this order; reading goes in the
// opposite order and checks again.

import type { Dates } from '../dates.ts';
import { hasCode, SealgateError } from '../errors.ts';
import { KeyedLock } from '../keyed_lock.ts';
import { checkedMediaType, mediaTypeOf } from '../media_type.ts';
import type { Hashed, SealBreak, StoreLock } from '../native/addon.ts';
import { type Adopted, adoptBlob } from './adoption.ts';
import { Arrivals } from './arrivals.ts';
import { Blobs } from './blobs.ts';
import { forgetBlob } from './forgetting.ts';
import { StoreFormat } from './format.ts';
import { namelessHold } from './holds.ts';
import { knownBlob, knownBlobs } from './known_blobs.ts';
import { checkData, checkLockFile, checkWhole, lockStore, makeFolders, makeRoot } from './layout.ts';
import { Leases } from './leases.ts';
import { listNames } from './listing.ts';
import { Metadata } from './metadata.ts';
import { checkObjectName } from './names.ts';
import { type BlobRecord, Proofs } from './proofs.ts';
import { type At, Refs } from './refs.ts';
import { restoreBlob } from './restore.ts';
import { type SealOptions, Seals } from './seals.ts';
import type {
  About,
  Arrived,
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
import { upgradeStore } from './upgrade.ts';

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
  /** The levels that blobs are sealed at; absent: L1. */
  seals?: SealOptions;
}

/**
 * Opens a store, making it when it is not there.
 * Rejects when another process writes to it, or when its format is another one.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  const { root, readOnly = false, dates = 'written', onRecovered, onNotice = () => {} } = options;
  const seals = new Seals(options.seals);
  const blobs = new Blobs(root);
  if (readOnly) {
    await StoreFormat.read(root, false);
    await checkWhole(root);
    await checkData(root);
    await checkLockFile(root);
    return new ContentStore(root, blobs, await Metadata.reader(root), undefined, dates, seals);
  }
  await makeRoot(root);
  const lock = await lockStore(root);
  try {
    await makeFolders(root);
    const format = await StoreFormat.read(root, true);
    await checkWhole(root);
    await checkLockFile(root);
    const removed = await blobs.prepare();
    if (removed > 0) onRecovered?.(removed);
    const meta = await upgraded(root, format, onNotice);
    return new ContentStore(root, blobs, meta, lock, dates, seals);
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

// A store whose disk has no room for the upgrade is served all the same, and upgraded by a later start.
async function upgraded(
  root: string,
  format: StoreFormat,
  onNotice: (said: string) => void,
): Promise<Metadata> {
  const meta = await Metadata.writer(root, { format, onNotice });
  if (format.isCurrent) return meta;
  try {
    await upgradeStore(meta, format, (said) => onNotice(`${root}: ${said}`));
  } catch (cause) {
    if (!hasCode(cause, 'store-full') && !hasCode(cause, 'store-write-failed')) {
      await meta.close();
      throw cause;
    }
    onNotice(
      `${root}: the upgrade to format 2 goes on at the next start, as the disk did not take it now: ` +
        `${(cause as Error).message} Until then nothing is collected.`,
    );
  }
  return meta;
}

class ContentStore implements Store {
  readonly root: string;
  readonly #blobs: Blobs;
  readonly #meta: Metadata;
  /** Absent in a read-only store. */
  readonly #lock: StoreLock | undefined;
  readonly #dates: Dates;
  readonly #refs: Refs;
  readonly #arrivals: Arrivals;
  readonly #leases = new Leases();
  /** Those asked for before. What a bucket is, it stays. */
  readonly #buckets = new Map<string, { name: string } & BucketRecord>();
  readonly #seals: Seals;
  readonly #proofs: Proofs;
  /** By digest: what is proved or withdrawn is not what is placed meanwhile. */
  readonly #locks = new KeyedLock();

  constructor(
    root: string,
    blobs: Blobs,
    meta: Metadata,
    lock: StoreLock | undefined,
    dates: Dates,
    seals: Seals,
  ) {
    this.root = root;
    this.#blobs = blobs;
    this.#meta = meta;
    this.#lock = lock;
    this.#dates = dates;
    this.#seals = seals;
    this.#proofs = new Proofs(meta, blobs, this.#locks, seals, lock !== undefined);
    this.#refs = new Refs(meta, dates);
    this.#arrivals = new Arrivals(meta, blobs, this.#proofs, this.#locks, this.#leases, seals);
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

  proveOnDisk(digest: string) {
    return this.#proofs.proveOnDisk(digest);
  }

  adopt(digest: string): Promise<Adopted> {
    return this.#locks.run(digest, () => adoptBlob(this.#meta, this.#blobs, digest, this.#seals.wanted()));
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
    return this.#locks.run(digest, () => restoreBlob(this.#meta, this.#blobs, digest, this.#seals.wanted()));
  }

  forget(digest: string, why: string): Promise<boolean> {
    return this.#locks.run(digest, () => forgetBlob(this.#meta, this.#blobs, digest, why));
  }

  stagingPath(): string {
    return this.#blobs.stagingPath();
  }

  async commitBlob(staging: string, hashed: Hashed): Promise<void> {
    const hold = namelessHold(hashed.digest, 'upload', Date.now());
    await this.#arrivals.store(staging, hashed, undefined, () =>
      this.#meta.has('holds', hold.key) ? [] : [hold],
    );
  }

  // --- refs
  // -----------------------------------------------------------------------------------------------------

  resolve(bucket: string, name: string): Ref | undefined {
    return this.#refs.resolve(bucket, name);
  }

  async putObject(bucket: string, name: string, arrived: Arrived, about: About): Promise<PutOutcome> {
    const { staging, digest, size } = arrived;
    const at = this.#at(bucket, name);
    const said = about.mediaType === undefined ? undefined : checkedMediaType(about.mediaType);
    // Before anything is placed.
    this.#refs.outcome(at, digest, said);
    const mediaType = said ?? (await textType(mediaTypeOf(name), staging, size));
    const to = { digest, size, said, mediaType, modified: about.modified };
    let outcome: PutOutcome = 'created';
    await this.#arrivals.store(staging, { digest, size }, bucket, () => {
      about.check?.();
      const pointing = this.#refs.pointing(at, to);
      outcome = pointing.outcome;
      return pointing.changes;
    });
    return outcome;
  }

  async putRef(bucket: string, name: string, { digest, ...about }: NewRef): Promise<PutOutcome> {
    const at = this.#at(bucket, name);
    const stored = this.blob(digest);
    if (!stored) throw new SealgateError('not-found', `There is no blob ${digest}.`);
    const said = about.mediaType === undefined ? undefined : checkedMediaType(about.mediaType);
    const mediaType = said ?? (await textType(mediaTypeOf(name), this.#blobs.path(digest), stored.size));
    let outcome: PutOutcome = 'created';
    await this.#arrivals.point(digest, bucket, (size) => {
      about.check?.();
      const to = { digest, size, said, mediaType, modified: about.modified };
      const pointing = this.#refs.pointing(at, to);
      outcome = pointing.outcome;
      return pointing.changes;
    });
    return outcome;
  }

  #at(bucket: string, name: string): At {
    const { kind } = this.#knownBucket(bucket);
    checkObjectName(name);
    return { bucket, kind, name };
  }

  async deleteRef(bucket: string, name: string): Promise<boolean> {
    this.#knownBucket(bucket);
    return this.#refs.delete(bucket, name);
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
