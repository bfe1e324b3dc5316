// Epochs: the shared counters that make kept plans stale. A plan carries the epoch it was made in; when a
// name of its bucket moves, the bucket's counter does, and every worker asks again.

import type { Addon, Epoch } from '../native/addon.ts';

/** The slot of /sha256/ URLs, which can never point elsewhere, and move when bytes are collected. */
const digests = 0;

export class Epochs {
  readonly #addon: Pick<Addon, 'readEpoch' | 'bumpEpoch' | 'epochSlots'>;
  readonly #onRead: () => void;

  /** @param onRead called after an epoch was read: what is looked up from then on must be as new. */
  constructor(addon: Pick<Addon, 'readEpoch' | 'bumpEpoch' | 'epochSlots'>, onRead: () => void = () => {}) {
    this.#addon = addon;
    this.#onRead = onRead;
  }

  /** What a plan for a name of this bucket depends on. Read it before the name is resolved, never after. */
  ofBucket(bucket: string): Epoch {
    return this.#read(this.#slot(bucket));
  }

  ofDigests(): Epoch {
    return this.#read(digests);
  }

  /**
   * Makes the plans of a bucket stale. Call it after the change is committed and before it is acknowledged.
   */
  bump(bucket: string): void {
    this.#addon.bumpEpoch(this.#slot(bucket));
  }

  /** Makes the plans of bytes by their digest stale: some of them are collected. */
  bumpDigests(): void {
    this.#addon.bumpEpoch(digests);
  }

  /** Makes every plan stale: a blob is gone, and any name may have pointed at it. */
  bumpAll(): void {
    for (let slot = 0; slot < this.#addon.epochSlots; slot++) this.#addon.bumpEpoch(slot);
  }

  #read(slot: number): Epoch {
    const epoch = this.#addon.readEpoch(slot);
    this.#onRead();
    return { slot, epoch };
  }

  // Buckets that share a slot only cost each other a few extra questions.
  #slot(bucket: string): number {
    let hash = 0;
    for (let i = 0; i < bucket.length; i++) hash = Math.imul(hash, 31) + bucket.charCodeAt(i);
    return 1 + ((hash >>> 0) % (this.#addon.epochSlots - 1));
  }
}
