// SharedSync: many small files made durable together. One syncfs(2) takes the place of an fsync(2) for each
// of them and for each of their folders, and those that wait for it while one is under way share the next.

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

/** A sync of the whole disk stalls those that write to it, so that many small ones take longer than a few. */
const gathering = { ms: 25, enough: 512 };

interface Placing {
  staging: string;
  blob: string;
}

export class SharedSync {
  readonly #folder: number;
  readonly #syncs: Batches<undefined, undefined>;
  readonly #placings: Batches<Placing, Placement | NodeJS.ErrnoException>;
  /** Why something that was written may not be on disk. */
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

  /** Of the file system of a folder. Undefined where it cannot be relied upon. */
  static of(folder: string): SharedSync | undefined {
    if (!known.has(statfsSync(folder).type)) return undefined;
    // What could not be written before this is not told.
    return new SharedSync(openSync(folder, 'r'));
  }

  /** False once a sync failed: nothing is written by way of it any more. */
  get isSound(): boolean {
    return this.#fault === undefined;
  }

  /**
   * Moves a file that was written after the beginning, and that nobody has synced, to the place of a blob,
   * as addon.placeBlob does. Durable when it resolves, the bytes before the name.
   */
  async place(staging: string, blob: string): Promise<Placement> {
    await this.#syncs.run(undefined);
    const placed = await this.#placings.run({ staging, blob });
    if (placed instanceof Error) throw placed;
    try {
      await this.#syncs.run(undefined);
    } catch (cause) {
      // Its place is not durable, and whoever comes next would take it for one that is.
      if (placed.created) await removeFile(blob).catch(() => {});
      throw cause;
    }
    return placed;
  }

  // The kernel tells an error once, and it may be of a file whose turn is the next: nobody is believed after.
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

  /** Not while anything is on its way. */
  close(): void {
    closeSync(this.#folder);
  }
}
