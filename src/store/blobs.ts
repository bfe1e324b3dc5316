// Blobs: the files of the store, each under its digest, and the folders they pass through.

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import {
  addon,
  type Evidence,
  type Hashed,
  type Placement,
  type SealBreak,
  type SealLevel,
  type SealRecord,
} from '../native/addon.ts';

/** The folder of a store that its blobs are below. */
export function blobsFolder(root: string): string {
  return join(root, 'blobs', 'sha256');
}

/** Whether an error's code says that there is no space. */
export function isFull(code: string | undefined): boolean {
  // libuv has no name for EDQUOT.
  return code === 'ENOSPC' || code === 'EDQUOT' || code === `Unknown system error -${constants.errno.EDQUOT}`;
}

export class Blobs {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Removes what uploads that never ended have left; says how many files that were. */
  async clearStaging(): Promise<number> {
    const left = await readdir(join(this.#root, 'staging'));
    for (const name of left) await rm(join(this.#root, 'staging', name), { recursive: true, force: true });
    return left.length;
  }

  stagingPath(): string {
    return join(this.#root, 'staging', randomUUID());
  }

  /** `blobs/sha256/ab/cd/abcd…` */
  path(digest: string): string {
    return join(blobsFolder(this.#root), digest.slice(0, 2), digest.slice(2, 4), digest);
  }

  /** Level L0 where the file cannot be pinned (native/sealed_file.h). */
  seal(record: SealRecord): SealLevel | SealBreak {
    return addon.seal(this.path(record.digest), record);
  }

  hash(digest: string): Promise<Hashed & { evidence: Evidence }> {
    return addon.hashFile(this.path(digest));
  }

  async place(staging: string, digest: string): Promise<Placement> {
    try {
      return await addon.placeBlob(staging, this.path(digest));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new SealgateError(isFull(code) ? 'store-full' : 'store-write-failed', undefined, { cause });
    }
  }

  /** Takes the file out of the way, if it is there. */
  async quarantine(digest: string): Promise<void> {
    const folder = join(this.#root, 'quarantine');
    try {
      await mkdir(folder, { mode: 0o700 }).catch((error) => {
        if (error.code !== 'EEXIST') throw error;
      });
      await rename(this.path(digest), join(folder, `${digest}.${Date.now()}`)).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
      });
    } catch (cause) {
      const why = (cause as Error).message;
      throw new SealgateError('store-write-failed', `Blob ${digest} cannot be moved: ${why}.`, { cause });
    }
  }

  /** The files in quarantine that were the blob's, newest first; in `sent`, what came in its place. */
  async withdrawn(digest: string): Promise<{ files: string[]; sent: string[] }> {
    const folder = join(this.#root, 'quarantine');
    const names = await readdir(folder).catch((error) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const paths = (found: string[]) =>
      found
        .sort()
        .reverse()
        .map((name) => join(folder, name));
    return {
      files: paths(names.filter((name) => name.startsWith(`${digest}.`))),
      sent: paths(names.filter((name) => name.startsWith('sentinel-') && name.endsWith(`-${digest}`))),
    };
  }

  /**
   * Removes the file, and what was taken out of the way or received in its place earlier; durable when it
   * resolves. The file that is served goes first: whatever fails then is out of clients' reach.
   */
  async remove(digest: string): Promise<void> {
    try {
      await removeDurably(this.path(digest));
      const { files, sent } = await this.withdrawn(digest);
      for (const file of [...files, ...sent]) await removeDurably(file);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new SealgateError(
        'store-write-failed',
        `Blob ${digest} is on record as forgotten, and not all of its files could be removed: ${why}; ` +
          'forget it again once the cause is gone.',
        { cause },
      );
    }
  }
}

async function removeDurably(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncFolder(dirname(file)).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
