// UploadCompletion: uploads that a process was storing when it ended. The bytes of one may have been placed
// and its name not written: then it is written now. What keeps it from that may pass, such as a full disk:
// until it is given up, the upload waits for that.

import type { Logger } from 'pino';
import type { UploadFile } from '../store/upload_files.ts';
import { mayPass, type UploadRecord } from './resumable_upload.ts';
import type { SharedObjects } from './shared_objects.ts';

/** Milliseconds between two tries, at least. */
const leastPause = 1000;
/** A try may read all bytes of the upload: so many times as long as one took passes until the next. */
const pausePerTry = 10;

/** `refused`, `expired`: it could not be completed, and is removed. */
export type Completed = 'completed' | 'refused' | 'expired';

export class UploadCompletion {
  readonly #objects: SharedObjects;
  readonly #log: Logger;
  /** Those that wait: what for, and when it is tried again, in milliseconds since the epoch. */
  readonly #waiting = new Map<string, { error: unknown; again: number }>();

  constructor(objects: SharedObjects, log: Logger) {
    this.#objects = objects;
    this.#log = log;
  }

  /** Rejects with what one waits for that is not tried again yet. */
  check(id: string): void {
    if (this.waits(id) && !this.isDue(id)) throw this.#waiting.get(id)?.error;
  }

  waits(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** Whether one waits and is to be tried again now. */
  isDue(id: string): boolean {
    return (this.#waiting.get(id)?.again ?? Number.POSITIVE_INFINITY) <= Date.now();
  }

  /** When the next one is to be tried again, in milliseconds since the epoch; infinite: none waits. */
  next(): number {
    return Math.min(...[...this.#waiting.values()].map(({ again }) => again));
  }

  forget(id: string): void {
    this.#waiting.delete(id);
  }

  /** Goes on with one that is open. Rejects with what may pass: then it waits. */
  async complete(id: string, file: UploadFile<UploadRecord>): Promise<Completed> {
    const began = Date.now();
    const { to, expires } = file.record;
    try {
      await this.#store(file);
      this.#waiting.delete(id);
      return 'completed';
    } catch (error) {
      const now = Date.now();
      if (!mayPass(error) || expires <= now) {
        this.#log.warn({ err: error, to }, 'an upload that was whole could not be stored, and is removed');
        this.#waiting.delete(id);
        await file.remove();
        return mayPass(error) ? 'expired' : 'refused';
      }
      if (!this.#waiting.has(id))
        this.#log.warn({ err: error, to }, 'an upload that is whole cannot be stored for now, and waits');
      const pause = Math.max(leastPause, (now - began) * pausePerTry);
      this.#waiting.set(id, { error, again: Math.min(now + pause, expires) });
      throw error;
    }
  }

  /** Rejects with what keeps the name from pointing at its bytes. */
  async #store(file: UploadFile<UploadRecord>): Promise<void> {
    const { whole, to, asked, isStored } = file.record;
    if (whole === undefined || isStored || (await file.state()) !== undefined) return;
    const { digest, digests, size } = whole;
    // Without a note of what the name had, what it has stays.
    const over = file.record.over ?? { version: this.#objects.standing(to).version };
    if (!this.#objects.hasGot(to, digest, over)) {
      const { mediaType, fields, modified, expires, conditions } = asked;
      // Before they are on record: from then on bytes without a name are collected, however long it waits.
      this.#objects.checkRoom(to, size);
      await this.#objects.adopt(digest);
      await this.#objects.copy({ digest, digests, mediaType, fields, modified, expires }, to, {
        conditions,
        over,
      });
    }
    await file.note({ isStored: true });
  }
}
