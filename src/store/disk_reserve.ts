// DiskReserve: allocates blocks of a growing file before it is written. A commit that runs out of disk fails
// for all who share it, and uploads could take the space that is left at any time.

import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';
import { namingSync } from '../named_errors.ts';
import { addon } from '../native/addon.ts';

/**
 * Bytes of free disk below which a file gets no more than the next commit needs, and nothing is written where
 * blocks cannot be allocated ahead.
 */
export const freeBytes = 32 * 1024 * 1024;

/** There is no space for a commit, so nothing of it was written. */
export class NoRoom extends SealgateError {
  constructor(cause?: unknown) {
    super('store-full', undefined, { cause });
  }
}

export class DiskReserve {
  readonly #path: string;
  readonly #least: number;
  readonly #ahead: number;
  /** Offset up to which the file has blocks. */
  #until = 0;

  /**
   * @param least bytes that the file has ahead before anything is committed, so that all small commits are
   * refused at the same fill of the disk. Commits that free space may take them: these blocks stay the file's
   * when it is closed, so a full disk can be freed after a restart too.
   * @param ahead bytes allocated at a time, more than an ordinary commit may add to the file.
   */
  constructor(path: string, least: number, ahead: number) {
    this.#path = path;
    this.#least = least;
    this.#ahead = ahead;
  }

  /**
   * Throws `NoRoom` when the next commit might not find the disk that it needs.
   * @param growth bytes that it may add to the file.
   * @param frees whether it frees space.
   */
  ensure(growth = 0, frees = false): void {
    const need = frees ? growth : Math.max(growth, this.#least);
    const { size } = statSync(this.#path);
    if (this.#until - size >= need) return;
    const { bavail, bsize } = statfsSync(dirname(this.#path));
    const free = bavail * bsize;
    const isScarce = free < freeBytes;
    // On an almost full disk it takes only what it needs, since the other files of a commit need space too.
    const bytes = isScarce ? need : Math.max(need, this.#ahead);
    try {
      namingSync(this.#path, () => addon.allocateAhead(this.#path, bytes));
      this.#until = size + bytes;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (isFull(code)) throw new NoRoom(cause);
      if (code !== 'EOPNOTSUPP') throw new SealgateError('store-write-failed', undefined, { cause });
      if (isScarce && !(frees && free > this.#least + need)) throw new NoRoom();
    }
  }
}
