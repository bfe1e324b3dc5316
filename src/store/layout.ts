// Layout: the folders and small files that a store consists of beside its blobs and its metadata.

import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { addon, type StoreLock } from '../native/addon.ts';
import { readRegular } from '../regular_file.ts';
import { isFull } from './disk_reserve.ts';

/** Bytes: of the files that have a line. */
const maxSmallFile = 4096;

const folders = ['blobs', 'blobs/sha256', 'staging', 'quarantine', 'meta'];

/** The store's own folder, and those above it, durably. */
export async function makeRoot(root: string): Promise<void> {
  await makeFoldersAbove(root);
  await makeFolder(root);
}

/**
 * Makes what is missing of a store's folders, durably, and keeps other users of the host out. Of a locked
 * store: whoever is refused changes nothing of it.
 */
export async function makeFolders(root: string): Promise<void> {
  for (const folder of folders) await makeFolder(join(root, folder));
  if (((await stat(root)).mode & 0o077) === 0) return;
  // Nobody but the owner can change it; then who may read is the owner's affair.
  await chmod(root, 0o700).catch((error) => {
    if (error.code !== 'EPERM') throw error;
  });
}

async function makeFoldersAbove(path: string): Promise<void> {
  const above = dirname(path);
  if (await isThere(above)) return;
  await makeFoldersAbove(above);
  await makeFolder(above, 0o777);
}

/** Durably; fine where it is there. */
export async function makeFolder(path: string, mode = 0o700): Promise<void> {
  const made = await mkdir(path, { mode }).then(
    () => true,
    (error) => {
      if (error.code !== 'EEXIST') throw error;
      return false;
    },
  );
  if (made) await syncFolder(dirname(path));
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error) => {
      if (error.code !== 'ENOENT') throw error;
      return false;
    },
  );
}

/**
 * Held until it is released. On the folder itself, which nobody removes by mistake, and on the file `lock`,
 * that names the holder and is what earlier versions lock. Rejects when another process has it.
 */
export async function lockStore(root: string): Promise<StoreLock> {
  const held: StoreLock[] = [];
  const release = () => {
    for (const lock of held.reverse()) lock.release();
  };
  try {
    for (const path of [await realpath(root), join(root, 'lock')]) {
      const lock = lockOf(path);
      if (lock === undefined) throw await heldByAnother(root);
      if (lock !== 'cannot') held.push(lock);
    }
    return { release };
  } catch (cause) {
    release();
    throw cause;
  }
}

function lockOf(path: string): StoreLock | undefined | 'cannot' {
  try {
    return addon.lockStore(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // NFS locks only what is open for writing (flock(2)), which no folder can be.
    if (code === 'EBADF' && message.startsWith('flock')) return 'cannot';
    throw new Error(
      `${path}: cannot be locked (${message}); a store is written on a file system with locks, by the user ` +
        'that owns it',
      { cause },
    );
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

/** Rejects where there is nothing to read: LMDB names no way out, and leaves a lock file. */
export async function checkData(root: string): Promise<void> {
  const path = join(root, 'meta', 'data.mdb');
  const size = await stat(path).then(
    (found) => found.size,
    (error) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    },
  );
  if (size === undefined || size === 0)
    throw new Error(
      `${path}: the metadata are ${size === 0 ? 'empty' : 'missing'}; is meta/ not mounted? Bring it back, ` +
        "or run 'sealgate rebuild' to make the metadata from the journal and the blobs",
    );
}

/** Bytes: more than LMDB's lock file has. */
const lockFileBytes = 64 * 1024;

/**
 * LMDB crashes when its lock file cannot be opened, or has no room on the disk: rejects with the reason
 * before.
 */
export async function checkLockFile(root: string): Promise<void> {
  const path = join(root, 'meta', 'lock.mdb');
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK;
    const file = await open(path, flags, 0o600);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new Error('it is no ordinary file');
      if (found.size === 0) await prepareNew(file, found.uid, path);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // LMDB does without on a file system that nobody can write to.
    if (code === 'EROFS') return;
    if (isFull(code))
      throw new Error(`${path}: the disk has no room for it, which reading the store takes too; make some`, {
        cause,
      });
    throw new Error(
      `${path}: cannot be opened for reading and writing (${code ?? message}), which reading the store ` +
        'takes too; run as the user that owns the store, or remove the file while nothing uses the store',
      { cause },
    );
  }
}

// One that root has made, reading beside the owner's processes, is theirs.
async function prepareNew(file: FileHandle, uid: number, path: string): Promise<void> {
  const owner = await stat(dirname(path));
  if (uid === 0 && owner.uid !== 0) await file.chown(owner.uid, owner.gid);
  try {
    addon.allocateAhead(path, lockFileBytes);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EOPNOTSUPP') throw cause;
  }
}
