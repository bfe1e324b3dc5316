// SideFolders: staging, uploads and quarantine, the folders from which files are renamed into blobs/ and out
// of it. Renaming works only within one mount, so when blobs/ is a mount of its own, these folders are in it.

import { randomUUID } from 'node:crypto';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { namesIn } from '../folder_names.ts';
import { removeFile } from './blob_files.ts';
import { makeFolder } from './layout.ts';

export interface SideFolders {
  staging: string;
  quarantine: string;
  /** Uploads in several requests (upload_files.ts), which makes it when there is one. */
  uploads: string;
}

export function ordinaryFolders(root: string): SideFolders {
  return {
    staging: join(root, 'staging'),
    quarantine: join(root, 'quarantine'),
    uploads: join(root, 'uploads'),
  };
}

/** The places where a store may have such folders: its blobs may have become a mount, or have been one. */
function everyFolder(root: string): SideFolders[] {
  return [ordinaryFolders(root), ordinaryFolders(join(root, 'blobs'))];
}

/** The folders in which uploads may be. @param chosen those in use, which come first. */
export function uploadFolders(root: string, chosen: SideFolders): string[] {
  return [...new Set([chosen, ...everyFolder(root)].map(({ uploads }) => uploads))];
}

/** The folders from which a file can be renamed to blobs/, made where they are not there. */
export async function chooseFolders(root: string): Promise<SideFolders> {
  const [ordinary, own] = everyFolder(root) as [SideFolders, SideFolders];
  if (!(await isMountOfItsOwn(root, ordinary.staging))) return ordinary;
  await makeFolder(own.staging);
  await makeFolder(own.quarantine);
  return own;
}

/**
 * Tries to rename, since device numbers are not enough: bind mounts share them, and project quotas may refuse
 * a rename within one mount.
 */
async function isMountOfItsOwn(root: string, staging: string): Promise<boolean> {
  const blobs = join(root, 'blobs');
  const [from, to] = [join(staging, randomUUID()), join(blobs, 'probe')];
  try {
    await writeFile(from, '', { mode: 0o600, flag: 'wx' });
    await rename(from, to);
    await rm(to);
    return false;
  } catch (error) {
    await rm(from, { force: true }).catch(() => {});
    if ((error as NodeJS.ErrnoException).code === 'EXDEV') return true;
    // On a full or failing disk renaming cannot be tried, and the store can still be read.
    return (await stat(staging)).dev !== (await stat(blobs)).dev;
  }
}

/**
 * Removes the files of unfinished uploads, and resolves with their number.
 * @param isLeft tells by its name whether nobody writes to a file any more.
 */
export async function clearStaging(root: string, isLeft: (name: string) => boolean): Promise<number> {
  const all = (await Promise.all(everyFolder(root).map(({ staging }) => filesIn(staging)))).flat();
  const left = all.filter((path) => isLeft(basename(path)));
  for (const path of left) {
    // The store makes no folder here, so one is removed as well.
    await rm(path, { recursive: true, force: true }).catch(() => removeFile(path));
  }
  return left.length;
}

/** The paths of all files in quarantine. */
export async function quarantined(root: string): Promise<string[]> {
  return (await Promise.all(everyFolder(root).map(({ quarantine }) => filesIn(quarantine)))).flat();
}

async function filesIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).map((name) => join(folder, name));
}
