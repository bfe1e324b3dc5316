// Layout: the folders and small files that a store consists of beside its blobs and its metadata.

import { constants } from 'node:fs';
import { chmod, mkdir, open, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile, syncFolder } from '../durable_file.ts';
import { addon, type StoreLock } from '../native/addon.ts';
import { readRegular } from './regular_file.ts';

/** What the file `format` in a store says. Another layout has another number. */
const format = 'sealgate store 1\n';

/** Bytes: of the files that have a line. */
const maxSmallFile = 4096;

const folders = ['blobs', 'blobs/sha256', 'staging', 'quarantine', 'meta'];

/** Makes what is missing of a store's folders, durably, and keeps other users of the host out. */
export async function makeFolders(root: string): Promise<void> {
  await mkdir(dirname(root), { recursive: true });
  for (const folder of ['.', ...folders]) await makeFolder(join(root, folder));
  if (((await stat(root)).mode & 0o077) === 0) return;
  // Nobody but the owner can change it; then who may read is the owner's affair.
  await chmod(root, 0o700).catch((error) => {
    if (error.code !== 'EPERM') throw error;
  });
}

/** Durably; fine where it is there. */
export async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path, { mode: 0o700 }).then(
    () => true,
    (error) => {
      if (error.code !== 'EEXIST') throw error;
      return false;
    },
  );
  if (made) await syncFolder(dirname(path));
}

/**
 * Held until it is released. On the folder itself, which nobody removes by mistake, and on the file `lock`,
 * that names the holder and is what earlier versions lock. Rejects when another process has it.
 */
export async function lockStore(root: string): Promise<StoreLock> {
  const folder = addon.lockStore(await realpath(root));
  if (folder === undefined) throw await heldByAnother(root);
  try {
    const file = addon.lockStore(join(root, 'lock'));
    if (file === undefined) throw await heldByAnother(root);
    return {
      release: () => {
        file.release();
        folder.release();
      },
    };
  } catch (cause) {
    folder.release();
    throw cause;
  }
}

/** Another process writes to the store. */
export class StoreHeld extends Error {}

async function heldByAnother(root: string): Promise<Error> {
  const pid = (await readRegular(join(root, 'lock'), maxSmallFile).catch(() => '')).trim();
  return new StoreHeld(
    `${root}: process ${pid || 'unknown'} has this store open for writing; write through that server ` +
      'with --server, or wait until the process has ended',
  );
}

/** Where a rebuild keeps what it began with, until it has ended. */
export function aside(root: string): string {
  return join(root, 'meta', 'rebuilding');
}

/** Rejects when the metadata are half of what they will be. */
export async function checkWhole(root: string): Promise<void> {
  const left = await stat(aside(root)).catch(() => undefined);
  if (left) throw new Error(`${root}: a rebuild of this store has not ended; run 'sealgate rebuild' again`);
}

/**
 * Rejects when the store was made by another version.
 * @param writes an absent file is made. An empty one is what a power cut left of versions that did not wait
 *   for the disk: it is written again.
 */
export async function checkFormat(root: string, writes: boolean): Promise<void> {
  const path = join(root, 'format');
  const found = await readRegular(path, maxSmallFile).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === format) return;
  if (!writes && found === undefined)
    throw new Error(
      `${root}: there is no store here; make one with 'sealgate init' or name another with --store`,
    );
  if (found === undefined || found === '') return writes ? replaceFile(path, format) : undefined;
  throw new Error(
    `${path}: expected "${format.trim()}", found "${found.trim().slice(0, 40)}"; ` +
      'use the version that made it',
  );
}

/** LMDB crashes when its lock file cannot be opened: rejects with the reason before. */
export async function checkLockFile(root: string): Promise<void> {
  const path = join(root, 'meta', 'lock.mdb');
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK;
    const file = await open(path, flags, 0o600);
    const { isFile } = await file.stat().then((found) => ({ isFile: found.isFile() }));
    await file.close();
    if (!isFile) throw new Error('it is no ordinary file');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // LMDB does without on a file system that nobody can write to.
    if (code === 'EROFS') return;
    throw new Error(
      `${path}: cannot be opened for reading and writing (${code ?? message}), which reading the store ` +
        'takes too; run as the user that owns the store, or remove the file while nothing uses the store',
      { cause },
    );
  }
}
