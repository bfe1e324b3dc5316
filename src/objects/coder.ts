// Coder: has codings of blobs made that clients asked for, one after another and behind all other work, and
// says which there are meanwhile.

import type { Logger } from 'pino';
import type { ContentCoding } from '../content_coding.ts';
import { addon, type Counters, type Hashed } from '../native/addon.ts';
import type { Store } from '../store/store.ts';

/** Codings that wait to be made. What is asked for beyond them is asked for again. */
const mostWaiting = 1000;
/** Milliseconds after which a coding that failed is tried again. */
const patience = 60_000;

export interface Best {
  /** The best coding that there is; undefined: the bytes as they are. */
  coded: (Hashed & { coding: ContentCoding }) | undefined;
  /** Whether a better one may be there soon. */
  isComing: boolean;
}

/** The digest of what may be the coding of a blob already; undefined: there is nothing. */
type Given = (coding: ContentCoding) => string | undefined;

export class Coder {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #waiting = new Map<string, Promise<void>>();
  /** By digest and coding: when it may be tried again, in milliseconds of performance.now(). */
  readonly #failed = new Map<string, number>();
  #isPaused = false;
  readonly #made = { made: 0, useless: 0, failed: 0 };
  readonly #bytes = { before: 0, after: 0 };

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** @param accepted the codings that the client takes, the best first. */
  best(blob: Hashed, accepted: readonly ContentCoding[], given: Given): Best {
    let isComing = false;
    for (const coding of accepted) {
      const known = this.#store.codings.of(blob.digest, coding);
      if (known === 'useless') continue;
      if (known) return { coded: { ...known, coding }, isComing };
      isComing ||= this.#begin(blob, coding, given);
    }
    return { coded: undefined, isComing };
  }

  /** False: it failed lately. */
  #begin(blob: Hashed, coding: ContentCoding, given: Given): boolean {
    const key = `${blob.digest}.${coding}`;
    if (this.#waiting.has(key)) return true;
    if (this.#isPaused || (this.#failed.get(key) ?? 0) > performance.now()) return false;
    if (this.#waiting.size < mostWaiting)
      this.#waiting.set(
        key,
        this.#make(blob, coding, given(coding)).finally(() => this.#waiting.delete(key)),
      );
    return true;
  }

  async #make(blob: Hashed, coding: ContentCoding, given: string | undefined): Promise<void> {
    const { codings } = this.#store;
    try {
      const isTaken = given !== undefined && (await codings.take(blob.digest, coding, given));
      const coded = isTaken ? codings.of(blob.digest, coding) : await codings.make(blob.digest, coding);
      if (coded === undefined || coded === 'useless') this.#made.useless++;
      else {
        this.#made.made++;
        this.#bytes.before += blob.size;
        this.#bytes.after += coded.size;
      }
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ECANCELED') return;
      this.#made.failed++;
      if (this.#failed.size >= mostWaiting) this.#failed.clear();
      this.#failed.set(`${blob.digest}.${coding}`, performance.now() + patience);
      this.#log.warn({ err, digest: blob.digest, coding }, 'a blob was not coded; it is sent as it is');
    }
  }

  counters(): Counters {
    return {
      'codings.made': this.#made.made,
      'codings.useless': this.#made.useless,
      'codings.failed': this.#made.failed,
      codings_waiting: this.#waiting.size,
      'coded_bytes.before': this.#bytes.before,
      'coded_bytes.after': this.#bytes.after,
    };
  }

  /** Gives up what is under way, and begins nothing before `resume`. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    addon.endCoding();
    await Promise.all(this.#waiting.values());
  }

  resume(): void {
    this.#isPaused = false;
  }

  close(): Promise<void> {
    return this.pause();
  }
}
