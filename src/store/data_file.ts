// DataFile: checks data.mdb before LMDB maps it, because LMDB trusts whatever it finds there.

import { existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { blobsFolder } from './blobs.ts';
import { isAsClosed, isBeingWritten } from './closing.ts';
import { DiskReserve } from './disk_reserve.ts';
import { idFile } from './identity.ts';
import { pageFault } from './page_check.ts';

/** Bytes of the two pages that LMDB begins a file with, at most. */
const firstPages = 2 * 65536;

/** Bytes of data.mdb that are kept allocated ahead at least, and allocated at a time. */
const least = 4 * 1024 * 1024;
const ahead = 16 * 1024 * 1024;

/** The journal of the store at `root`. */
export function journalPath(root: string): string {
  return join(root, 'journal');
}

export function dataPath(root: string): string {
  return join(root, 'meta', 'data.mdb');
}

export function dataReserve(root: string): DiskReserve {
  return new DiskReserve(dataPath(root), least, ahead);
}

/**
 * Throws when the metadata are damaged. LMDB creates a missing file; identity.ts decides whether the metadata
 * may be empty. A reader beside a process that writes relies on the check of that process.
 */
export function checkPages(root: string, writes: boolean): void {
  const path = dataPath(root);
  if (!existsSync(path)) return;
  const isKnown = isAsClosed(root, path) || (!writes && isBeingWritten(root));
  const fault = pageFault(path, isKnown ? 'top' : 'all');
  if (fault === undefined) return;
  if (writes && isUnfinished(root, path)) {
    renameSync(path, `${path}.unfinished`);
    return;
  }
  throw new Error(
    `${path}: damaged: ${fault}; bring back a backup of the store, or run 'sealgate rebuild' to make the ` +
      'metadata from the journal and the blobs',
  );
}

/**
 * Whether the file was left by a first start that was cut off. LMDB begins a file with two pages. Until these
 * are on disk the blobs have no id, and nothing was acknowledged.
 */
function isUnfinished(root: string, path: string): boolean {
  if (existsSync(idFile(root)) || existsSync(journalPath(root))) return false;
  return statSync(path).size <= firstPages && readdirSync(blobsFolder(root)).length === 0;
}
