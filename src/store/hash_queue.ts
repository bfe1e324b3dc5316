// HashQueue: hashes large files one after another, and small files beside them, so that proving a whole
// restored backup leaves disk and CPU to others.

import { KeyedLock } from '../keyed_lock.ts';

/** Bytes from which on a file is large: hashing it takes longer than a request should wait. */
const large = 64 * 2 ** 20;
/** Bytes a second assumed until a file was hashed; nearer to a disk's rate than to the page cache's. */
const assumedRate = 150e6;
/** Bytes that a file must have for its rate to be used. */
const measurable = 2 ** 20;
const longestSeconds = 3600;

export class HashQueue {
  readonly #locks = new KeyedLock();
  /** Bytes of the large files that wait or are being hashed. */
  #waiting = 0;
  #rate = assumedRate;

  /** Runs `hash` when it is its turn. @param size bytes of its file. */
  async add<T>(size: number, hash: () => Promise<T>): Promise<T> {
    const isLarge = size >= large;
    if (isLarge) this.#waiting += size;
    try {
      return await this.#locks.run(isLarge ? 'large' : 'small', () => this.#measured(size, hash));
    } finally {
      if (isLarge) this.#waiting -= size;
    }
  }

  /** Seconds until a file of this size, which is in the queue, will have been hashed: an estimate. */
  secondsFor(size: number): number {
    const bytes = Math.max(size, this.#waiting);
    return Math.min(Math.max(Math.ceil(bytes / this.#rate), 1), longestSeconds);
  }

  async #measured<T>(size: number, hash: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await hash();
    const seconds = (performance.now() - began) / 1000;
    if (size >= measurable && seconds > 0) this.#rate = size / seconds;
    return result;
  }
}
