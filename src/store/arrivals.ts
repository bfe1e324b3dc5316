// Arrivals: bytes on their way from staging to the commit that makes them known. The file is placed and
// synced first; then one commit records the blob and whatever is to point at it.

import { type ErrorCode, hasCode, SealgateError } from '../errors.ts';
import type { KeyedLock } from '../keyed_lock.ts';
import type { Sealed, SealLevel } from '../native/addon.ts';
import type { Blobs } from './blobs.ts';
import { NoRoom } from './disk_reserve.ts';
import type { Leases } from './leases.ts';
import type { Metadata } from './metadata.ts';
import type { BlobRecord, Proofs } from './proofs.ts';
import type { StoreRecord } from './records.ts';
import type { Seals } from './seals.ts';
import type { Arrived } from './store.ts';

/** Faults of a stored blob that are mended when its bytes arrive again. */
const passed: ErrorCode[] = ['seal-broken', 'store-read-failed'];

/**
 * Makes the records that point at a blob or keep it. Called right before each commit; may throw to refuse it.
 */
export type Pointers = () => StoreRecord[];

export class Arrivals {
  readonly #meta: Metadata;
  readonly #blobs: Blobs;
  readonly #proofs: Proofs;
  readonly #locks: KeyedLock;
  readonly #leases: Leases;
  readonly #seals: Seals;

  /** @param locks the locks of blobs, by digest. */
  constructor(meta: Metadata, blobs: Blobs, proofs: Proofs, locks: KeyedLock, leases: Leases, seals: Seals) {
    this.#meta = meta;
    this.#blobs = blobs;
    this.#proofs = proofs;
    this.#locks = locks;
    this.#leases = leases;
    this.#seals = seals;
  }

  /**
   * Stores a finished staging file at the seal level of the bucket, or of the site when there is no bucket.
   * When it resolves that is durable, and the staging file is gone.
   */
  store(arrived: Arrived, bucket: string | undefined, pointers: Pointers): Promise<void> {
    const { digest } = arrived;
    const wanted = this.#seals.wanted(bucket);
    return this.#leases.run(new Set([digest]), async () => {
      for (;;) {
        const known = this.#known(digest);
        const before = known?.version;
        const isSound = await this.#isSound(digest, known?.value);
        const place = () => this.#place(arrived, { wanted, before }, pointers);
        if (!isSound && (await this.#locks.run(digest, place))) return;
        await this.#raise(digest, wanted);
        // The blob may be forgotten or withdrawn before the commit. Then its file is placed after all.
        if (await this.#pointAtStored(digest, pointers)) return this.#blobs.unstage(arrived.staging);
      }
    });
  }

  async #pointAtStored(digest: string, pointers: Pointers): Promise<boolean> {
    let isStored = false;
    await this.#meta.change(digest, () => {
      const known = this.#known(digest)?.value;
      isStored = known !== undefined && 'size' in known;
      return isStored ? pointers() : [];
    });
    return isStored;
  }

  /**
   * Makes records that point at stored blobs, in one commit, and raises the blobs to the seal level of the
   * bucket. Throws `not-found` when one is not stored.
   */
  point(
    digests: ReadonlySet<string>,
    bucket: string,
    pointers: (sizeOf: (digest: string) => number) => StoreRecord[],
  ): Promise<void> {
    const sizeOf = (digest: string) => {
      const known = this.#known(digest)?.value;
      if (known && 'size' in known) return known.size;
      throw new SealgateError('not-found', `There is no blob ${digest}.`);
    };
    return this.#leases.run(digests, async () => {
      for (const digest of digests) await this.#raise(digest, this.#seals.wanted(bucket));
      await this.#meta.change(bucket, () => pointers(sizeOf));
    });
  }

  // A blob that was stored for another bucket first may have a lower level.
  async #raise(digest: string, wanted: SealLevel): Promise<void> {
    if (wanted > 'L1') await this.#locks.run(digest, () => this.#proofs.raise(digest, wanted));
  }

  #known(digest: string) {
    return this.#meta.newest<BlobRecord>('blobs', [digest]);
  }

  /** False: the blob was stored by somebody else after version `before` of its record. Nothing was done. */
  async #place(
    { staging, digest, size, isOneOfMany, isKept }: Arrived,
    { wanted, before }: { wanted: SealLevel; before: number | undefined },
    pointers: Pointers,
  ): Promise<boolean> {
    const known = this.#known(digest);
    if (known && known.version !== before && 'size' in known.value) return false;
    const place = () => this.#blobs.place(staging, digest, wanted, isOneOfMany);
    let placed = await place();
    // A file that existed without a valid record was left by a crash before a commit, or is damaged.
    const stood = placed.created ? undefined : await this.#verified(digest, wanted);
    if (!placed.created && !stood) placed = await place();
    const { evidence } = this.#seals.took(wanted, stood ?? placed);
    const record: BlobRecord = { size, evidence, created: Date.now() };
    let isRefused = false;
    try {
      // COMMIT: the bytes are durable under their digest; now they are known, with what points at them.
      await this.#meta.change(digest, () => {
        isRefused = true;
        const pointing = pointers();
        isRefused = false;
        const version = (this.#known(digest)?.version ?? 0) + 1;
        return [{ table: 'blobs', key: [digest, version], value: record }, ...pointing];
      });
    } catch (cause) {
      // Removes the file, since nothing will ever point at it and the disk may be full.
      const isUnwritten = isRefused || cause instanceof NoRoom || hasCode(cause, 'quota-reached');
      if (placed.created && isUnwritten)
        await (isKept ? this.#blobs.takeBack(digest, staging) : this.#blobs.unplace(digest));
      throw cause;
    }
    if (!placed.created) await this.#blobs.unstage(staging);
    return true;
  }

  // Whether the blob is stored and passes its proof. The file of a blob that fails has been moved away when
  // this resolves; one that cannot be reached is to be placed again.
  async #isSound(digest: string, known: BlobRecord | undefined): Promise<boolean> {
    if (!known || !('size' in known)) return false;
    try {
      await this.#proofs.prove(digest);
      return true;
    } catch (error) {
      if (error instanceof SealgateError && passed.includes(error.code)) return false;
      throw error;
    }
  }

  // Undefined when the file in the blob's place is not the blob, or the disk fails to read it; it is out of
  // the way afterwards.
  async #verified(digest: string, wanted: SealLevel): Promise<Sealed | undefined> {
    const found = await this.#blobs.hash(digest, wanted).catch((cause) => {
      if (cause.code === 'EIO') return undefined;
      throw new SealgateError('store-read-failed', `Blob ${digest} cannot be read.`, { cause });
    });
    if (found?.digest === digest) return found;
    await this.#blobs.quarantine(digest);
    return undefined;
  }
}
