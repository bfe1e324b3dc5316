// Blobs: the files of the store, each under its digest, and the folders they pass through.

import { randomUUID } from 'node:crypto';
import { copyFile, lstat, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFile } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';
import { naming } from '../named_errors.ts';
import {
  addon,
  type Evidence,
  type Hashed,
  type Placement,
  type SealBreak,
  type Sealed,
  type SealLevel,
  type SealRecord,
} from '../native/addon.ts';
import { moveFile, removeDurably } from './blob_files.ts';
import { makeFolder } from './layout.ts';
import { SharedSync } from './shared_sync.ts';
import {
  chooseFolders,
  clearStaging,
  ordinaryFolders,
  quarantined,
  type SideFolders,
  uploadFolders,
} from './side_folders.ts';

/** The folder of a store that its blobs are below. */
export function blobsFolder(root: string): string {
  return join(root, 'blobs', 'sha256');
}

/** Some files of a blob could not be removed. */
export class FilesLeft extends SealgateError {}

export class Blobs {
  readonly #root: string;
  #folders: SideFolders;
  /** The names of this process's staging files begin so: while it is replaced, two processes write some. */
  readonly stagingName = randomUUID();
  /** Undefined where each blob has to be synced by itself; null until somebody wants to know. */
  #sync: SharedSync | undefined | null = null;

  constructor(root: string) {
    this.#root = root;
    this.#folders = ordinaryFolders(root);
  }

  /**
   * Empties staging/ before anything is written. Resolves with the number of files that it removed.
   * @param living the `stagingName` of processes that have uploads under way.
   */
  async prepare(living: readonly string[]): Promise<number> {
    this.#folders = await chooseFolders(this.#root);
    return clearStaging(this.#root, (name) => !living.some((its) => name.startsWith(`${its}.`)));
  }

  /** Removes what a process that has ended left in staging/. */
  async clearStagingOf(its: string): Promise<void> {
    await clearStaging(this.#root, (name) => name.startsWith(`${its}.`));
  }

  /**
   * Whether many blobs that are placed at level L1 are made durable together, if they are written from now
   * on. From then on a descriptor is open that keeps their file system from being unmounted.
   */
  syncsTogether(): boolean {
    if (this.#sync === null) this.#sync = SharedSync.of(blobsFolder(this.#root));
    return this.#sync?.isSound === true;
  }

  stagingPath(): string {
    return join(this.#folders.staging, `${this.stagingName}.${randomUUID()}`);
  }

  /** Where uploads in several requests may be; new ones are made in the first. */
  uploadFolders(): string[] {
    return uploadFolders(this.#root, this.#folders);
  }

  /** Removes a staging file whose bytes are stored already; a missing one is no error. */
  unstage(staging: string): Promise<void> {
    return rm(staging, { force: true });
  }

  /** `blobs/sha256/ab/cd/abcd…` */
  path(digest: string): string {
    return join(blobsFolder(this.#root), digest.slice(0, 2), digest.slice(2, 4), digest);
  }

  /** Level L0 where the file cannot be pinned (native/store/sealed_file.h). */
  seal(record: SealRecord): SealLevel | SealBreak {
    return addon.seal(this.path(record.digest), record);
  }

  /** Seals the file at the level wanted, if its bytes can be read. */
  hash(digest: string, wanted: SealLevel): Promise<Hashed & Sealed> {
    return addon.hashFile(this.path(digest), wanted);
  }

  /** Gives a blob another level, which changes its evidence and not its bytes. */
  raise(digest: string, evidence: Evidence, wanted: SealLevel): Promise<Sealed> {
    return addon.raiseBlob(this.path(digest), evidence, wanted);
  }

  /** @param shares whether it may share a sync with others, at level L1. */
  async place(staging: string, digest: string, wanted: SealLevel, shares = false): Promise<Placement> {
    const path = this.path(digest);
    const shared = shares && wanted === 'L1' && this.syncsTogether() ? this.#sync : undefined;
    const placed = shared ? shared.place(staging, path) : addon.placeBlob(staging, path, wanted);
    try {
      return await placed
        .catch((cause) => this.#takeUnsynced(digest, staging, cause))
        .catch((cause) => {
          if (cause.code !== 'EXDEV') throw cause;
          return this.#carry(staging, digest);
        });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new SealgateError(isFull(code) ? 'store-full' : 'store-write-failed', undefined, { cause });
    }
  }

  // Copies the file, because blobs/ became a mount of its own, or ceased to be one, after the file was
  // written. The copy was not hashed, so it is reported as a file that existed already, which the caller
  // hashes.
  async #carry(file: string, digest: string): Promise<Placement> {
    this.#folders = await chooseFolders(this.#root);
    const copy = this.stagingPath();
    try {
      await copyFile(file, copy);
      const copied = await open(copy);
      await naming(copy, () => copied.sync()).finally(() => copied.close());
      const placed = addon.placeBlob(copy, this.path(digest), 'L1');
      const placement = await placed.catch((cause) => this.#takeUnsynced(digest, copy, cause));
      await rm(file, { force: true });
      return { ...placement, created: false };
    } finally {
      await rm(copy, { force: true });
    }
  }

  // Takes a file back that stands in its place and could not be made durable there, and throws why. Left
  // there it would pass for right when its bytes come again, as the kernel says only once that it could not
  // sync them, and an upload in several requests would be without its bytes.
  async #takeUnsynced(digest: string, staging: string, cause: unknown): Promise<never> {
    const isMoved = await lstat(staging).then(
      () => false,
      ({ code }) => code === 'ENOENT',
    );
    if (isMoved) await this.takeBack(digest, staging).catch(() => {});
    throw cause;
  }

  /** What a killed process placed may be on disk in part only: before it is put on record. */
  sync(digest: string): Promise<void> {
    return syncFile(this.path(digest));
  }

  /** Removes a file that was placed and is not on record; what is in quarantine stays. */
  unplace(digest: string): Promise<void> {
    return removeDurably(this.path(digest));
  }

  /** Moves a file that was placed and is not on record to where it came from. */
  takeBack(digest: string, staging: string): Promise<void> {
    return moveFile(this.path(digest), staging);
  }

  /** Moves the file to the quarantine, if there is one. */
  async quarantine(digest: string): Promise<void> {
    try {
      await this.#takeAway(digest).catch(async (cause) => {
        if (cause.code !== 'EXDEV') throw cause;
        this.#folders = await chooseFolders(this.#root);
        await this.#takeAway(digest);
      });
    } catch (cause) {
      const why = (cause as Error).message;
      throw new SealgateError('store-write-failed', `Blob ${digest} cannot be moved: ${why}.`, { cause });
    }
  }

  async #takeAway(digest: string): Promise<void> {
    const { quarantine } = this.#folders;
    await makeFolder(quarantine);
    await moveFile(this.path(digest), join(quarantine, `${digest}.${Date.now()}`)).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  /** `files`: the blob's files in quarantine, newest first. `sent`: what clients received in its place. */
  async withdrawn(digest: string): Promise<{ files: string[]; sent: string[] }> {
    const paths = await quarantined(this.#root);
    const named = (is: (name: string) => boolean) =>
      paths
        .filter((path) => is(basename(path)))
        .sort((one, other) => (basename(one) < basename(other) ? 1 : -1));
    return {
      files: named((name) => name.startsWith(`${digest}.`)),
      sent: named((name) => name.startsWith('sentinel-') && name.endsWith(`-${digest}`)),
    };
  }

  /**
   * Removes the file, and its files in quarantine; durable when it resolves. The file in its place goes
   * first, so that clients cannot reach it whatever fails after that.
   */
  async remove(digest: string): Promise<void> {
    try {
      await removeDurably(this.path(digest));
      const { files, sent } = await this.withdrawn(digest);
      for (const file of [...files, ...sent]) await removeDurably(file);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new FilesLeft('store-write-failed', `Not all files of ${digest} could be removed: ${why}.`, {
        cause,
      });
    }
  }

  /** Must not be called while blobs are placed. */
  close(): void {
    this.#sync?.close();
    this.#sync = null;
  }
}
