// Blobs: the files of the store, each under its digest, and the folders they pass through.

import { randomUUID } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
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
    const to = join(this.#root, 'quarantine', `${digest}.${Date.now()}`);
    await rename(this.path(digest), to).catch((error) => {
      if (error.code !== 'ENOENT') throw new SealgateError('store-write-failed', undefined, { cause: error });
    });
  }

  /** Removes the file, and what was taken out of the way earlier; durable when it resolves. */
  async remove(digest: string): Promise<void> {
    const quarantine = join(this.#root, 'quarantine');
    const withdrawn = (await readdir(quarantine)).filter((name) => name.startsWith(`${digest}.`));
    const files = [this.path(digest), ...withdrawn.map((name) => join(quarantine, name))];
    try {
      for (const file of files) await removeDurably(file);
    } catch (cause) {
      throw new SealgateError('store-write-failed', `Blob ${digest} cannot be removed.`, { cause });
    }
  }
}

async function removeDurably(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncFolder(dirname(file)).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
