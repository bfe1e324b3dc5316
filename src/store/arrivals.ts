// Arrivals: bytes on their way from staging to the commit that makes them known. The file is placed and
// synced first; then one commit records the blob and whatever is to point at it.

import { type ErrorCode, SealgateError } from '../errors.ts';
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

/** What keeps a blob from being sound that its bytes, sent again, may mend. */
const passed: ErrorCode[] = ['seal-broken', 'store-read-failed'];

/** What points at a blob or keeps it: asked for right before each commit; may throw a refusal. */
export type Pointers = () => StoreRecord[];

export class Arrivals {
  readonly #meta: Metadata;
  readonly #blobs: Blobs;
  readonly #proofs: Proofs;
  readonly #locks: KeyedLock;
  readonly #leases: Leases;
  readonly #seals: Seals;

  /** @param locks by digest. */
  constructor(meta: Metadata, blobs: Blobs, proofs: Proofs, locks: KeyedLock, leases: Leases, seals: Seals) {
    this.#meta = meta;
    this.#blobs = blobs;
    this.#proofs = proofs;
    this.#locks = locks;
    this.#leases = leases;
    this.#seals = seals;
  }

  /**
   * Stores a finished staging file, sealed as the bucket asks; without one, as the site does. Durable when it
   * resolves.
   */
  store(arrived: Arrived, bucket: string | undefined, pointers: Pointers): Promise<void> {
    const { digest } = arrived;
    const wanted = this.#seals.wanted(bucket);
    return this.#leases.run(new Set([digest]), async () => {
      for (;;) {
        const before = this.#known(digest)?.version;
        const isSound = await this.#isSound(digest);
        const place = () => this.#place(arrived, { wanted, before }, pointers);
        if (!isSound && (await this.#locks.run(digest, place))) return;
        await this.#raise(digest, wanted);
        // It may be forgotten or withdrawn before the commit: then it is placed after all.
        if (await this.#pointAtStored(digest, pointers)) return;
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
   * Points at blobs that are stored, in one commit, and seals them as the bucket asks. Throws `not-found`
   * when one is not stored.
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

  // A blob that came to another bucket first may have a lower level.
  async #raise(digest: string, wanted: SealLevel): Promise<void> {
    if (wanted > 'L1') await this.#locks.run(digest, () => this.#proofs.raise(digest, wanted));
  }

  #known(digest: string) {
    return this.#meta.newest<BlobRecord>('blobs', [digest]);
  }

  /** False: somebody else has stored the blob since version `before` of its record, and nothing was done. */
  async #place(
    { staging, digest, size, sync }: Arrived,
    { wanted, before }: { wanted: SealLevel; before: number | undefined },
    pointers: Pointers,
  ): Promise<boolean> {
    const known = this.#known(digest);
    if (known && known.version !== before && 'size' in known.value) return false;
    const placement = await this.#blobs.place(staging, digest, wanted, sync);
    // A file that was there without a good record is what a crash before the commit left, or damage: it is
    // hashed.
    const sealed = placement.created ? placement : await this.#verified(digest, wanted);
    const { evidence } = this.#seals.took(wanted, sealed);
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
      // What nothing will ever point at would keep a full disk full.
      const isUnwritten = isRefused || cause instanceof NoRoom;
      if (placement.created && isUnwritten) await this.#blobs.unplace(digest);
      throw cause;
    }
    return true;
  }

  // Whether the blob is in place already and passes its proof. One that does not is out of the way
  // afterwards, and one that cannot be reached is placed again, if that is possible.
  async #isSound(digest: string): Promise<boolean> {
    const known = this.#known(digest)?.value;
    if (!known || !('size' in known)) return false;
    try {
      await this.#proofs.prove(digest);
      return true;
    } catch (error) {
      if (error instanceof SealgateError && passed.includes(error.code)) return false;
      throw error;
    }
  }

  async #verified(digest: string, wanted: SealLevel): Promise<Sealed> {
    const found = await this.#blobs.hash(digest, wanted).catch((cause) => {
      throw new SealgateError('store-read-failed', `Blob ${digest} cannot be read.`, { cause });
    });
    if (found.digest === digest) return found;
    await this.#blobs.quarantine(digest);
    throw new SealgateError(
      'store-write-failed',
      `A damaged file stood in for blob ${digest}; it was removed, try again.`,
    );
  }
}
