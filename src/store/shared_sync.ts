// SharedSync: makes many small files durable together. One syncfs(2) replaces an fsync(2) for each file and
// folder. Files that come during a sync share the next one.

import { closeSync, openSync, statfsSync } from 'node:fs';
import { Batches } from '../batches.ts';
import { addon, type Placement } from '../native/addon.ts';
import { removeFile } from './blob_files.ts';

/**
 * File systems, by the type that statfs(2) tells, whose syncfs(2) is known to leave all of it on disk: ext4,
 * XFS, Btrfs, F2FS and tmpfs. With FUSE it need not ask the server, and with overlayfs errors get lost.
 */
const known = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994]);

/** Files that one job of the I/O pool renames: some 10 ms of a processor. */
const placedAtATime = 256;

/**
 * How long files are gathered for one sync: each sync stalls all writers, so a few large ones take less time.
 */
const gathering = { ms: 25, enough: 512 };

interface Placing {
  staging: string;
  blob: string;
}

export class SharedSync {
  readonly #folder: number;
  readonly #syncs: Batches<undefined, undefined>;
  readonly #placings: Batches<Placing, Placement | NodeJS.ErrnoException>;
  /** The error of a failed sync, after which written files may not be on disk. */
  #fault: unknown;

  private constructor(folder: number) {
    this.#folder = folder;
    this.#syncs = new Batches((waiting) => this.#sync(waiting), {
      most: Number.POSITIVE_INFINITY,
      atATime: 1,
      gathering,
    });
    this.#placings = new Batches((placings) => addon.placeBlobs(placings), {
      most: placedAtATime,
      atATime: 1,
    });
  }

  /** A sync for the file system of a folder; undefined: its syncfs(2) cannot be relied upon. */
  static of(folder: string): SharedSync | undefined {
    if (!known.has(statfsSync(folder).type)) return undefined;
    // syncfs(2) reports only errors from after this opening.
    return new SharedSync(openSync(folder, 'r'));
  }

  /** False after a failed sync; then it must not be used any more. */
  get isSound(): boolean {
    return this.#fault === undefined;
  }

  /**
   * Moves a file that was written after the beginning to the place of a blob, as addon.placeBlob does.
   * Durable when it resolves.
   */
  async place(staging: string, blob: string): Promise<Placement> {
    const placed = await this.#placings.run({ staging, blob });
    if (placed instanceof Error) throw placed;
    try {
      await this.#syncs.run(undefined);
    } catch (cause) {
      // Removes the file, whose place is not durable: the next upload would take it for a durable one.
      if (placed.created) await removeFile(blob).catch(() => {});
      throw cause;
    }
    return placed;
  }

  // The kernel reports an error once, and it may concern a file of the next sync, so after one all syncs
  // fail.
  async #sync(waiting: undefined[]): Promise<undefined[]> {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      await addon.syncFileSystem(this.#folder);
      return waiting;
    } catch (cause) {
      this.#fault = cause;
      throw cause;
    }
  }

  /** Must not be called while files are on their way. */
  close(): void {
    closeSync(this.#folder);
  }
}
