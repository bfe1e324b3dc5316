// ContentStore: implements store.ts on a disk. Writes go in the order bytes, metadata; reads go the other
// way, and check the bytes again.

import type { Dates } from '../dates.ts';
import { SealgateError } from '../errors.ts';
import { KeyedLock } from '../keyed_lock.ts';
import type { Hashed } from '../native/addon.ts';
import { type Adopted, adoptBlob } from './adoption.ts';
import { Arrivals } from './arrivals.ts';
import { Blobs } from './blobs.ts';
import { Buckets } from './buckets.ts';
import { Codings } from './codings.ts';
import {
  type Collected,
  type CollectionParts,
  collect,
  type Kept,
  keptBy,
  type Round,
} from './collection.ts';
import { Eviction } from './eviction.ts';
import { StoreFormat } from './format.ts';
import { forgetBlob, releaseCodings } from './gc.ts';
import { bucketsOf, namelessHold, namesOf } from './holds.ts';
import { knownBlob, knownBlobs } from './known_blobs.ts';
import {
  checkData,
  checkLockFile,
  checkWhole,
  lockStore,
  makeFolders,
  makeRoot,
  type StoreLocks,
} from './layout.ts';
import { Leases } from './leases.ts';
import { listNames } from './listing.ts';
import { Metadata } from './metadata.ts';
import { Naming } from './naming.ts';
import type { OpenOptions } from './open_options.ts';
import { OwnEnds } from './own_ends.ts';
import { type BlobRecord, Proofs } from './proofs.ts';
import { Refs } from './refs.ts';
import { removedBy } from './removed_by.ts';
import { restoreBlob } from './restore.ts';
import { Seals } from './seals.ts';
import type {
  About,
  Arrived,
  BucketKind,
  Doubt,
  FirstRead,
  KnownBlob,
  Listing,
  NameChange,
  NewRef,
  Page,
  PutOutcome,
  Ref,
  Restored,
  SettingsChange,
  Store,
  SwitchOutcome,
  VersionPage,
  Versions,
} from './store.ts';
import { Succession } from './succession.ts';
import type { Reading } from './time_to_live.ts';
import { openUpgraded } from './upgrade.ts';
import type { Usage } from './usage.ts';
import { miscounted } from './usage_count.ts';
import { listVersions } from './version_listing.ts';

/**
 * Opens a store, making it when it is not there.
 * Rejects when another process writes to it, or when its format is another one.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  const { root, readOnly = false, onRecovered, onNotice = () => {} } = options;
  const { dates = 'written', now = () => Date.now(), inherited } = options;
  const seals = new Seals(options.seals);
  const blobs = new Blobs(root);
  if (readOnly) {
    const format = await StoreFormat.read(root, false);
    await checkWhole(root);
    await checkData(root);
    await checkLockFile(root);
    return new ContentStore(root, blobs, await Metadata.reader(root), { dates, now, format, seals });
  }
  await makeRoot(root);
  const lock = await lockStore(root, inherited?.locks);
  try {
    await makeFolders(root);
    const format = await StoreFormat.read(root, true);
    if (format.isMade) options.onMade?.();
    await checkWhole(root);
    await checkLockFile(root);
    const removed = await blobs.prepare(inherited?.staging ?? []);
    if (removed > 0) onRecovered?.(removed);
    const meta = await openUpgraded(root, format, onNotice);
    return new ContentStore(root, blobs, meta, { lock, dates, now, format, seals });
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

interface Opened {
  /** Absent in a store that is open for reading. */
  lock?: StoreLocks;
  dates: Dates;
  now: () => number;
  format: StoreFormat;
  seals: Seals;
}

class ContentStore implements Store {
  readonly root: string;
  readonly #blobs: Blobs;
  readonly #meta: Metadata;
  readonly #opened: Opened;
  readonly #buckets: Buckets;
  readonly #reading: Reading;
  readonly #refs: Refs;
  readonly #proofs: Proofs;
  readonly #arrivals: Arrivals;
  readonly #naming: Naming;
  readonly codings: Codings;
  readonly succession: Succession;
  readonly eviction: Eviction;
  readonly #ownEnds = new OwnEnds();
  readonly #leases = new Leases();
  /** The locks of blobs, by digest: none is placed while it is proved or withdrawn. */
  readonly #locks = new KeyedLock();

  constructor(root: string, blobs: Blobs, meta: Metadata, opened: Opened) {
    this.root = root;
    this.#blobs = blobs;
    this.#meta = meta;
    this.#opened = opened;
    this.#buckets = new Buckets(meta);
    const timeToLiveOf = (bucket: string) => this.#buckets.get(bucket)?.ttl;
    this.#reading = { dates: opened.dates, now: opened.now, timeToLiveOf };
    this.#refs = new Refs(meta, this.#reading, this.#ownEnds);
    this.#proofs = new Proofs(meta, blobs, this.#locks, opened.seals, opened.lock !== undefined);
    this.#arrivals = new Arrivals(meta, blobs, this.#proofs, this.#locks, this.#leases, opened.seals);
    const own = { refs: this.#refs, arrivals: this.#arrivals, blobs, buckets: this.#buckets };
    const parts = { ...own, sizeOf: (digest: string) => this.blob(digest)?.size };
    this.#naming = new Naming(parts);
    this.eviction = new Eviction({ meta, ...parts, leases: this.#leases, locks: this.#locks });
    this.codings = new Codings({ ...parts, meta, prove: (...what) => this.prove(...what) });
    this.succession = new Succession({ meta, blobs, buckets: this.#buckets, locks: opened.lock });
  }

  // --- buckets ---
  buckets() {
    return this.#buckets.all();
  }

  bucket(name: string) {
    return this.#buckets.get(name);
  }

  createBucket(name: string, kind: BucketKind): Promise<void> {
    return this.#buckets.create(name, kind);
  }

  setBucket(name: string, change: SettingsChange): Promise<void> {
    return this.#buckets.set(name, change);
  }

  usage(bucket: string) {
    return this.#meta.usageOf(bucket);
  }

  miscounted() {
    return miscounted(this.#meta);
  }

  checkRoom(bucket: string, added: Usage): void {
    this.#buckets.checkRoom(bucket, added);
  }

  removedBy(bucket: string, change: SettingsChange) {
    return removedBy(this.#meta, this.#buckets.existing(bucket), change, this.#opened.now());
  }

  // --- blobs ---

  blob(digest: string) {
    const record = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
    return record && 'size' in record ? { size: record.size, created: record.created } : undefined;
  }

  recorded(digest: string, firstRead?: FirstRead) {
    return this.#proofs.recorded(digest, firstRead);
  }

  prove(digest: string, doubt?: Doubt) {
    return this.#proofs.prove(digest, doubt);
  }

  adopt(digest: string): Promise<Adopted> {
    const wanted = this.#opened.seals.wanted();
    return this.#locks.run(digest, () => adoptBlob(this.#meta, this.#blobs, digest, wanted));
  }

  quarantine(digest: string, reason: string) {
    return this.#proofs.quarantine(digest, reason);
  }

  counters() {
    return { ...this.#proofs.counters(), ...this.#meta.counters() };
  }

  known(page: { after: string; limit: number } | { only: string }): KnownBlob[] {
    return 'only' in page ? knownBlob(this.#meta, page.only) : knownBlobs(this.#meta, page);
  }

  restore(digest: string): Promise<Restored> {
    const wanted = this.#opened.seals.wanted();
    return this.#locks.run(digest, () => restoreBlob(this.#meta, this.#blobs, digest, wanted));
  }

  async forget(digest: string, why: string): Promise<boolean> {
    const parts = { meta: this.#meta, blobs: this.#blobs };
    const known = await this.#locks.run(digest, () => forgetBlob(parts, digest, why));
    for (const coding of await releaseCodings(this.#meta, digest)) await this.forget(coding, why);
    return known;
  }

  pathOf = (digest: string) => this.#blobs.path(digest);

  stagingPath(): string {
    return this.#blobs.stagingPath();
  }

  uploadFolders(): string[] {
    return this.#blobs.uploadFolders();
  }

  syncsTogether(bucket: string): boolean {
    return this.#opened.seals.wanted(bucket) === 'L1' && this.#blobs.syncsTogether();
  }

  async commitBlob(staging: string, hashed: Hashed): Promise<void> {
    const hold = namelessHold(hashed.digest, 'upload', Date.now());
    await this.#arrivals.store({ staging, ...hashed }, undefined, () =>
      this.#meta.has('holds', hold.key) ? [] : [hold],
    );
  }

  // --- refs ---

  resolve(bucket: string, name: string): Ref | undefined {
    return this.#refs.resolve(bucket, name);
  }

  putObject(bucket: string, name: string, arrived: Arrived, about: About): Promise<PutOutcome> {
    return this.#naming.putObject(bucket, name, arrived, about);
  }

  putRef(bucket: string, name: string, to: NewRef): Promise<PutOutcome> {
    return this.#naming.putRef(bucket, name, to);
  }

  deleteRef(bucket: string, name: string): Promise<boolean> {
    return this.#naming.deleteRef(bucket, name);
  }

  switchNames(
    bucket: string,
    changes: readonly NameChange[],
    beforeCommit?: () => void,
  ): Promise<SwitchOutcome[]> {
    return this.#naming.switchNames(bucket, changes, beforeCommit);
  }

  readonly version: Store['version'] = (...asked) => this.#refs.version(...asked);

  versions(bucket: string, page: VersionPage): Versions {
    return listVersions(this.#meta, this.#buckets.existing(bucket).name, page, this.#reading);
  }

  list(bucket: string, page: Page): Listing {
    this.#buckets.existing(bucket);
    return listNames(this.#meta, bucket, page, this.#reading);
  }

  // --- what is kept, and what is not ---

  collect(round: Round): Promise<Collected> {
    return collect(this.#collection(), round);
  }

  kept(digest: string, { graceMs, limit }: { graceMs: number; limit: number }): Kept[] {
    return keptBy(this.#collection(), digest, { graceMs, limit });
  }

  bucketsOf(digest: string): Iterable<string> {
    return bucketsOf(this.#meta, digest);
  }

  namesOf(digest: string, bucket: string): Iterable<string> {
    return namesOf(this.#meta, digest, bucket);
  }

  #collection(): CollectionParts {
    const { isCurrent, since } = this.#opened.format;
    if (!isCurrent)
      throw new SealgateError(
        'store-write-failed',
        'The store is not of format 2 yet: a server that starts with room on the disk upgrades it.',
      );
    return {
      meta: this.#meta,
      blobs: this.#blobs,
      locks: this.#locks,
      leases: this.#leases,
      now: this.#opened.now,
      buckets: () => this.#buckets.all(),
      ownEnds: this.#ownEnds,
      expire: (at, before) => this.#refs.expire(at, before),
      keepingOf: (name) => this.#buckets.get(name),
      since,
    };
  }

  get changed() {
    return this.#meta.changed;
  }

  copyMetadata(folder: string): Promise<void> {
    return this.#meta.copyTo(folder);
  }

  fault() {
    return this.#meta.fault();
  }

  get ended() {
    return this.#meta.ended;
  }

  async close(): Promise<void> {
    await this.#meta.close();
    this.#blobs.close();
    this.#opened.lock?.release();
  }
}
