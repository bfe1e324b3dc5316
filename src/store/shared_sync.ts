// SharedSync: blobs that are placed at the same time become durable together. One syncfs(2) replaces an
// fsync(2) for each file and folder. Blobs that come during a sync share the next one.

import { closeSync, openSync, statfsSync } from 'node:fs';
import { Batches } from '../batches.ts';
import { addon, type Placement } from '../native/addon.ts';

/**
 * File systems, by the type that statfs(2) tells, whose syncfs(2) is known to leave all of it on disk: ext4,
 * XFS, Btrfs, F2FS and tmpfs. With FUSE it need not ask the server, and with overlayfs errors get lost.
 */
const known = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994]);

/** Blobs that share a sync: at least so many, as it writes what others left unwritten as well. */
const enough = 4;
/** Blobs that one job of the I/O pool renames: some 10 ms of a processor. */
const most = 512;

/** A finished staging file, and where its blob is to be. */
interface Placing {
  staging: string;
  blob: string;
}

export class SharedSync {
  readonly #folder: number;
  readonly #groups = new Batches((group: Placing[]) => this.#place(group), { most, atATime: 1 });
  /** Whether a sync failed, after which written files may not be on disk. */
  #hasFailed = false;

  private constructor(folder: number) {
    this.#folder = folder;
  }

  /** A sync for the file system of a folder; undefined: its syncfs(2) cannot be relied upon. */
  static of(folder: string): SharedSync | undefined {
    if (!known.has(statfsSync(folder).type)) return undefined;
    // syncfs(2) reports only errors from after this opening.
    return new SharedSync(openSync(folder, 'r'));
  }

  /** False after a failed sync: from then on each blob is synced by itself. */
  get isSound(): boolean {
    return !this.#hasFailed;
  }

  /** As addon.placeBlob at level L1, for a file that was written after the beginning. */
  async place(staging: string, blob: string): Promise<Placement> {
    const placed = await this.#groups.run({ staging, blob });
    if (placed instanceof Error) throw placed;
    return placed;
  }

  // The kernel reports an error once, and it may concern a file of the next group, so after one no sync is
  // shared.
  async #place(group: Placing[]): Promise<(Placement | Error)[]> {
    if (group.length < enough || this.#hasFailed)
      return Promise.all(
        group.map(({ staging, blob }) => addon.placeBlob(staging, blob).catch((cause: Error) => cause)),
      );
    const { blobs, fault } = await addon.placeTogether(this.#folder, group);
    this.#hasFailed ||= fault !== undefined;
    return blobs;
  }

  /** Must not be called while blobs are placed. */
  close(): void {
    closeSync(this.#folder);
  }
}
