// Backup: a copy of a store that is a store itself, made while a server writes to it. It copies the metadata
// first, then the journal, then the blobs. So each blob that a copied name points at existed before the copy
// of the name.

import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { syncFile, syncFolder } from '../durable_file.ts';
import type { FileProgress } from '../file_progress.ts';
import { namesIn } from '../folder_names.ts';
import { isFull } from '../full_disk.ts';
import { streamRegular } from '../regular_file.ts';
import { inTurns } from '../turns.ts';
import { writeVerified } from '../verified_file.ts';
import { Blobs } from './blobs.ts';
import { openStore } from './content_store.ts';
import { journalPath } from './data_file.ts';
import { readId } from './identity.ts';
import { makeFolder } from './layout.ts';
import type { KnownBlob, Store } from './store.ts';
import { digestsBelow } from './stray_files.ts';
import { allKnown } from './verification.ts';

/** Files that are copied at a time. */
const concurrency = 4;
/** Copies of the metadata while the journal is written anew time and again. */
const maxCopies = 3;

export interface BackupResult {
  /** Blobs that the copy has now. */
  blobs: number;
  bytes: number;
  /** Blobs that were copied now; the others were there from an earlier backup to the folder. */
  copied: number;
  /** Blobs that cannot be read, or whose bytes are wrong. They are missing in the copy. */
  failures: { digest: string; reason: string }[];
}

/**
 * @param store may be open for reading alone.
 * @param to a folder that is empty, does not exist, or has a backup of the store.
 */
export async function backUp(
  store: Store,
  to: string,
  onProgress: (progress: FileProgress) => void = () => {},
): Promise<BackupResult> {
  await prepareFolder(store.root, to);
  await copyMetadata(store, to);
  const result = await copyBlobs(store, to, onProgress);
  await publish(store.root, to);
  return result;
}

/**
 * Removes the blobs of a backup that neither its own records name as stored nor those of the store, which may
 * be newer than the copied ones. Resolves with their number.
 */
export async function removeOthers(store: Store, to: string): Promise<number> {
  const copy = await openStore({ root: to, readOnly: true });
  const isStored = (of: Store, digest: string) => of.known({ only: digest })[0]?.state === 'stored';
  const blobs = new Blobs(to);
  let removed = 0;
  try {
    for await (const digest of digestsBelow(to)) {
      if (isStored(copy, digest) || isStored(store, digest)) continue;
      await rm(blobs.path(digest), { force: true });
      removed++;
    }
  } finally {
    await copy.close();
  }
  return removed;
}

async function prepareFolder(root: string, to: string): Promise<void> {
  const [store, copy] = [await placeOf(root), await placeOf(to)];
  if (copy === store || copy.startsWith(`${store}${sep}`))
    throw new Error(`${to}: is the store itself, or a folder in it; name one outside`);
  const id = await readId(root);
  const there = await namesIn(to);
  const isOfStore = (await readId(to).catch(() => undefined)) === id;
  if (there.length > 0 && !isOfStore && !(await isBegun(to, there)))
    throw new Error(
      `${to}: is no backup of ${root}; name one, or a folder that is empty or does not exist yet`,
    );
  // A backup has no lock; whoever opens a store for writing makes it.
  if (there.includes('lock') && there.includes('format'))
    throw new Error(
      `${to}: was opened for writing since it was made, and what was stored in it since would be lost; ` +
        'name another folder, or give up what it has by removing it',
    );
  await mkdir(to, { recursive: true, mode: 0o700 });
  await makeFolder(join(to, 'blobs'));
  await makeFolder(join(to, 'blobs', 'sha256'));
  await copyDurably(join(root, 'blobs', 'id'), join(to, 'blobs', 'id'));
}

/** Whether a backup ended before it had said what it is of, for want of room: it has no blobs. */
async function isBegun(to: string, there: readonly string[]): Promise<boolean> {
  if (there.some((name) => name !== 'blobs')) return false;
  const inside = await namesIn(join(to, 'blobs'));
  const blobs = await namesIn(join(to, 'blobs', 'sha256'));
  return blobs.length === 0 && inside.every((name) => ['id', 'sha256'].includes(name));
}

/** Without symbolic links, also of a folder that does not exist yet. */
async function placeOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await placeOf(dirname(path)), basename(path));
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    // It names the file that is copied, whichever of the two failed; no space is what the copy lacks.
    throw isFull(error.code) ? Object.assign(error, { path: to }) : error;
  });
  await syncFile(to);
}

/** Names of the files that are copied before the blobs, and renamed to their places after them. */
const fresh = { meta: 'meta.new', journal: 'journal.new' };

// What was removed between the copy of the metadata and a journal that was written anew is in the first and
// not in the second, and would be there again: both are copied once more then. Collection finds it too.
async function copyMetadata(store: Store, to: string): Promise<void> {
  const path = journalPath(store.root);
  for (let copies = 1; ; copies++) {
    // While it is open, no other file gets its inode.
    const journal = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(absent);
    try {
      await copyBoth(store, to);
      if (!journal || copies === maxCopies) return;
      if ((await journal.stat()).ino === (await stat(path)).ino) return;
    } finally {
      await journal?.close();
    }
  }
}

async function copyBoth(store: Store, to: string): Promise<void> {
  const folder = join(to, fresh.meta);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  await store.copyMetadata(folder);
  await syncFile(join(folder, 'data.mdb'));
  await copyDurably(journalPath(store.root), join(to, fresh.journal)).catch(absent);
}

// A store that nobody wrote to since it was made by an older version has no journal.
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function copyBlobs(
  store: Store,
  to: string,
  onProgress: (progress: FileProgress) => void,
): Promise<BackupResult> {
  const progress: FileProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 };
  for (const blob of storedBlobs(store)) {
    progress.totalFiles++;
    progress.totalBytes += blob.size;
  }
  const result: BackupResult = { blobs: 0, bytes: 0, copied: 0, failures: [] };
  const [from, into] = [new Blobs(store.root), new Blobs(to)];
  await inTurns(storedBlobs(store), concurrency, async (blob) => {
    const { digest, size } = blob;
    try {
      if (await copyBlob(from.path(digest), into.path(digest), blob)) result.copied++;
      result.blobs++;
      result.bytes += size;
    } catch (error) {
      result.failures.push({ digest, reason: (error as Error).message });
    }
    progress.files++;
    progress.bytes += size;
    onProgress(progress);
  });
  return result;
}

type StoredBlob = Extract<KnownBlob, { state: 'stored' }>;

function* storedBlobs(store: Store): Generator<StoredBlob> {
  for (const blob of allKnown(store)) if (blob.state === 'stored') yield blob;
}

/** False: the copy exists. A blob never changes, so a file of the right size is a complete copy. */
async function copyBlob(from: string, to: string, { digest, size }: StoredBlob): Promise<boolean> {
  if ((await stat(to).catch(() => undefined))?.size === size) return false;
  await makeFolder(join(to, '..', '..'));
  await makeFolder(join(to, '..'));
  await writeVerified(to, streamRegular(from), { digest, called: from });
  await chmod(to, 0o444);
  return true;
}

// Puts the journal in place first, because metadata take what they lack from a newer journal.
async function publish(root: string, to: string): Promise<void> {
  await makeFolder(join(to, 'meta'));
  await rename(join(to, fresh.journal), join(to, 'journal')).catch(absent);
  await rm(join(to, 'meta', 'lock.mdb'), { force: true });
  await rename(join(to, fresh.meta, 'data.mdb'), join(to, 'meta', 'data.mdb'));
  await rm(join(to, fresh.meta), { recursive: true });
  await syncFolder(join(to, 'meta'));
  // Comes last in a first backup: a folder without this file is no store.
  await copyDurably(join(root, 'format'), join(to, 'format'));
}
