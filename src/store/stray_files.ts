// StrayFiles: what is in the folder of the blobs without being a blob on record. A file that is named by a
// digest is what a crash between its place and its record left; anything else is somebody else's.

import type { Dirent } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest } from '../digest.ts';
import { blobsFolder } from './blobs.ts';

export type Stray =
  | { state: 'unrecorded'; digest: string; path: string }
  /** A file that is not the store's: neither adopted nor removed. */
  | { state: 'foreign'; path: string };

/** What the store, or the file system of a mount, has in `blobs/`. */
const ours = new Set(['id', 'sha256', 'staging', 'quarantine', 'uploads', 'probe', 'lost+found']);

const isFolderName = (name: string) => /^[0-9a-f]{2}$/.test(name);

/** The folders below which blobs are, each the first two digits of their digests, in order. */
export async function firstFolders(root: string): Promise<string[]> {
  const entries = await readdir(blobsFolder(root), { withFileTypes: true });
  return entries
    .filter(isBlobFolder)
    .map(({ name }) => name)
    .sort();
}

/** Files in the folders above those of blobs. */
export async function* straysAbove(root: string): AsyncGenerator<Stray> {
  for await (const entry of await opendir(join(root, 'blobs')))
    if (!ours.has(entry.name)) yield { state: 'foreign', path: join(root, 'blobs', entry.name) };
  for await (const entry of await opendir(blobsFolder(root)))
    if (!isBlobFolder(entry)) yield { state: 'foreign', path: join(blobsFolder(root), entry.name) };
}

/** What is below one of the first folders. @param isKnown whether there is a record of a digest. */
export async function* straysIn(
  root: string,
  first: string,
  isKnown: (digest: string) => boolean,
): AsyncGenerator<Stray> {
  const above = join(blobsFolder(root), first);
  for await (const second of entriesOf(above)) {
    const folder = join(above, second.name);
    if (!isBlobFolder(second)) {
      yield { state: 'foreign', path: folder };
      continue;
    }
    for await (const entry of entriesOf(folder)) {
      const { name } = entry;
      const path = join(folder, name);
      const isOurs = isDigest(name) && name.startsWith(first + second.name);
      if (isOurs && isKnown(name)) continue;
      yield isOurs && entry.isFile()
        ? { state: 'unrecorded', digest: name, path }
        : { state: 'foreign', path };
    }
  }
}

/** The digests of all files that are named by one, whether there is a record or not. */
export async function* digestsBelow(root: string): AsyncGenerator<string> {
  for (const first of await firstFolders(root))
    for await (const stray of straysIn(root, first, () => false))
      if (stray.state === 'unrecorded') yield stray.digest;
}

function isBlobFolder(entry: Dirent): boolean {
  return entry.isDirectory() && isFolderName(entry.name);
}

// A folder that went meanwhile has nothing any more.
async function* entriesOf(folder: string): AsyncGenerator<Dirent> {
  const opened = await opendir(folder).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (opened) yield* opened;
}
