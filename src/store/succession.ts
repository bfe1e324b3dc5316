// Succession: how a process that writes to a store leaves that to another one, and goes on itself when the
// other one fails. There is no moment at which nobody has the lock: both have the same open files.

import type { OpenFile } from '../native/addon.ts';
import type { Blobs } from './blobs.ts';
import type { Buckets } from './buckets.ts';
import type { StoreLocks } from './layout.ts';
import type { Metadata } from './metadata.ts';

/** What a store is opened with by the process that goes on. */
export interface Inherited {
  locks: OpenFile[];
  /** The beginnings of names of staging files that living processes write. */
  staging: string[];
}

interface Parts {
  meta: Metadata;
  blobs: Blobs;
  buckets: Buckets;
  /** Undefined: this process only reads. */
  locks: StoreLocks | undefined;
}

export class Succession {
  readonly #parts: Parts;
  /** Of processes that this one went on from, and that may have uploads under way. */
  readonly #living = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Ends writing for a while: resolves when all changes are durable. Those that come meanwhile wait. */
  async offer(): Promise<Inherited> {
    const { meta, blobs, locks } = this.#parts;
    await meta.pause();
    return { locks: locks?.files() ?? [], staging: [blobs.stagingName, ...this.#living] };
  }

  /** Goes on writing, since the other process did not. */
  async goOn(): Promise<void> {
    const { meta, buckets, locks } = this.#parts;
    locks?.renew();
    await meta.resume();
    buckets.lookAgain();
  }

  /** The other process writes from now on. This one reads, as long as it is there. */
  leave(): void {
    this.#parts.locks?.release();
    this.#parts.meta.paused.end();
  }

  /**
   * What is read from now on is as new as what any process has written. Another one may write from the offer
   * on, while this one still answers.
   */
  refresh(): void {
    if (this.#parts.meta.refresh()) this.#parts.buckets.lookAgain();
  }

  /** A process that writes staging files with names that begin so is there until `ended`. */
  living(staging: string, ended: Promise<unknown>): void {
    this.#living.add(staging);
    void ended.then(() => {
      this.#living.delete(staging);
      return this.#parts.blobs.clearStagingOf(staging);
    });
  }
}
