// ScrubRound: the work of one pass of the scrubber. It reads every recorded blob in the order of the digests,
// then looks into every folder, and acts on what it finds.

import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../errors.ts';
import type { Adopted } from './adoption.ts';
import { Blobs, blobsFolder } from './blobs.ts';
import { type BlobFault, inspectBlob } from './inspection.ts';
import type { Clock, Pace } from './pace.ts';
import type { Finding, FindingState, PassUnderWay } from './scrub_pass.ts';
import { isOutOfReach } from './standing_faults.ts';
import type { KnownBlob, Store } from './store.ts';
import { firstFolders, type Stray, straysAbove, straysIn } from './stray_files.ts';

export interface RoundOptions {
  store: Pick<Store, 'root' | 'known' | 'adopt'>;
  clock: Clock;
  /**
   * Called for a blob that differed from its record. Proves it from its disk; when it is damaged, withdraws
   * it and rejects with `seal-broken`.
   */
  doubt(digest: string): Promise<unknown>;
  /** Proves a blob whose file was touched, which sets its mode. */
  mend(digest: string): Promise<void>;
  /** Why the store as a whole cannot be looked at, as when its disk is not mounted. */
  away(): Promise<string | undefined>;
  /** Called with a sentence about what keeps the scrubber from its work. */
  onTrouble(said: string): void;
}

/** Calls by which a round reports its progress. */
export interface RoundEvents {
  found(state: FindingState, about: Pick<Finding, 'digest' | 'path' | 'detail'>): void;
  /** The file of the blob could be read. */
  reached(digest: string): void;
  /** A blob of so many bytes is done. */
  done(bytes: number): void;
  /** Why the round waits for the store; undefined: it waits no more. */
  waits(why: string | undefined): void;
  /** A moment at which the state may be written. */
  checkpoint(): Promise<void>;
}

/** Milliseconds between two tries of what cannot be read, and their number. */
const retryPause = 5000;
const tries = 3;
/** Milliseconds between two looks whether a store that was away is back. */
export const awayPause = 30_000;
/** Bytes that opening a file or folder counts as, because it takes time of the disk as well. */
export const openingCost = 64 * 1024;
/** Milliseconds for which a file without a record may belong to an upload of another process. */
const graceTime = 3_600_000;

export class ScrubRound {
  readonly #options: RoundOptions;
  readonly #pace: Pace;
  readonly #on: RoundEvents;

  constructor(options: RoundOptions, pace: Pace, on: RoundEvents) {
    this.#options = options;
    this.#pace = pace;
    this.#on = on;
  }

  // --- blobs ---

  async blobs(pass: PassUnderWay, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    // Looks records up one at a time, because they may change while the blob before is read.
    for (;;) {
      const [blob] = store.known({ after: pass.after, limit: 1 });
      if (blob === undefined) break;
      await this.#pace.take(openingCost, signal);
      await this.#blob(blob, signal);
      this.#on.done(blob.state === 'stored' ? blob.size : 0);
      pass.after = blob.digest;
      await this.#on.checkpoint();
    }
    pass.phase = 'files';
    pass.after = '';
  }

  async #blob(blob: KnownBlob, signal: AbortSignal): Promise<void> {
    const fault = await this.#faultOf(blob, signal);
    const { digest } = blob;
    if (!isOutOfReach(fault)) this.#on.reached(digest);
    if (fault === undefined) return;
    const { state, detail } = fault;
    if (state === 'damaged') await this.#damaged(digest, detail, signal);
    else if (state === 'withdrawn' || state === 'not-forgotten') await this.#adopt(digest, signal);
    else if (state === 'wrong-mode') await this.#wrongMode(digest, detail);
    else this.#on.found(state, { digest, detail });
  }

  // The fault of a blob. A file that cannot be reached is tried again, with the record that the blob has by
  // then.
  async #faultOf(blob: KnownBlob, signal: AbortSignal): Promise<BlobFault | undefined> {
    const { store, clock } = this.#options;
    let now: KnownBlob | undefined = blob;
    for (let tried = 1; ; tried++) {
      const pace = (bytes: number) => this.#pace.take(bytes, signal);
      const fault: BlobFault | undefined = await inspectBlob(now, store.root, { pace, signal });
      if (fault === undefined) return undefined;
      const before: KnownBlob = now;
      [now] = store.known({ only: blob.digest });
      if (now === undefined) return undefined;
      if (now.state === before.state && !isOutOfReach(fault)) return fault;
      if (await this.#waitForStore(signal)) tried = 0;
      else if (tried >= tries) return fault;
      await clock.sleep(retryPause, signal);
    }
  }

  /** Waits until the store can be reached. Resolves with whether it was away. */
  async #waitForStore(signal: AbortSignal): Promise<boolean> {
    const { away, clock } = this.#options;
    const why = await away();
    if (why === undefined) return false;
    this.#on.waits(why);
    while ((await away()) !== undefined) await clock.sleep(awayPause, signal);
    this.#on.waits(undefined);
    return true;
  }

  async #damaged(digest: string, detail: string, signal: AbortSignal): Promise<void> {
    try {
      await unlessAborted(this.#options.doubt(digest), signal);
      this.#on.found('unsteady', { digest, detail: `${detail}; read again it was right` });
    } catch (error) {
      signal.throwIfAborted();
      // The blob was forgotten or collected meanwhile.
      if (hasCode(error, 'not-found') || hasCode(error, 'content-forgotten')) return;
      if (hasCode(error, 'store-read-failed'))
        this.#on.found('unreadable', { digest, detail: `${detail}; ${error.message}` });
      else if (hasCode(error, 'seal-broken')) this.#on.found('damaged', { digest, detail });
      else this.#on.found('damaged', { digest, detail: `${detail}; ${(error as Error).message}` });
    }
  }

  async #wrongMode(digest: string, detail: string): Promise<void> {
    this.#on.found('wrong-mode', { digest, detail });
    await this.#options.mend(digest).catch((error) => this.#options.onTrouble((error as Error).message));
  }

  /** Adopts or removes a file in the place of a blob that is not stored. */
  async #adopt(digest: string, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const path = new Blobs(store.root).path(digest);
    if (!(await isOld(path, this.#options.clock.date()))) return;
    const told: Record<Exclude<Adopted, 'nothing'>, [FindingState, string]> = {
      adopted: ['adopted', 'a file without a record was right, and is on record now'],
      withdrawn: ['misplaced', 'a file without a record had another digest, and is in quarantine'],
      removed: ['removed', 'the file of a forgotten blob'],
    };
    try {
      const outcome = await unlessAborted(store.adopt(digest), signal);
      if (outcome !== 'nothing') this.#on.found(told[outcome][0], { digest, detail: told[outcome][1] });
    } catch (error) {
      signal.throwIfAborted();
      this.#on.found('unreadable', { digest, detail: (error as Error).message });
    }
  }

  // --- files ---

  async files(pass: PassUnderWay, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    if (pass.after === '')
      for await (const stray of straysAbove(store.root)) await this.#stray(stray, signal);
    const isKnown = (digest: string) => store.known({ only: digest }).length > 0;
    for (const first of await firstFolders(store.root)) {
      if (first <= pass.after) continue;
      await this.#pace.take(openingCost, signal);
      try {
        for await (const stray of straysIn(store.root, first, isKnown)) {
          await this.#pace.take(openingCost, signal);
          await this.#stray(stray, signal);
        }
      } catch (error) {
        signal.throwIfAborted();
        if (await this.#waitForStore(signal)) throw error;
        const path = join(blobsFolder(store.root), first);
        this.#on.found('unreadable', { path, detail: (error as Error).message });
      }
      pass.after = first;
      await this.#on.checkpoint();
    }
  }

  async #stray(stray: Stray, signal: AbortSignal): Promise<void> {
    if (stray.state === 'unrecorded') await this.#adopt(stray.digest, signal);
    else this.#on.found('foreign', { path: stray.path, detail: 'it is not the store’s, and left alone' });
  }
}

// Rejects at once when the signal comes, because hashing a large file may take minutes more.
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

// Also by a clock that was set: an inode's time may be in the future.
async function isOld(path: string, now: number): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && Math.abs(now - found.ctimeMs) >= graceTime;
}
