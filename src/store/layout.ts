// Layout: the folders and small files of a store besides its blobs and metadata.

import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { isFull } from '../full_disk.ts';
import { addon, type OpenFile, type StoreLock } from '../native/addon.ts';
import { readRegular } from '../regular_file.ts';

/** Most bytes of the files that have one line. */
const maxSmallFile = 4096;

const folders = ['blobs', 'blobs/sha256', 'staging', 'quarantine', 'meta'];

/** Makes the store's own folder and those above it, durably. */
export async function makeRoot(root: string): Promise<void> {
  await makeFoldersAbove(root);
  await makeFolder(root);
}

/**
 * Makes the missing folders of a store, durably, and keeps other users of the host out. Called with the lock
 * held, so that a process that does not get it changes nothing.
 */
export async function makeFolders(root: string): Promise<void> {
  for (const folder of folders) await makeFolder(join(root, folder));
  if (((await stat(root)).mode & 0o077) === 0) return;
  // Only the owner can change the mode. If this process is not the owner's, the owner decides who may read.
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

/** Makes a folder, durably; one that exists is no error. */
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

/** The locks of a store, held. */
export interface StoreLocks {
  release(): void;
  /** What another process adopts them by. */
  files(): OpenFile[];
  /** Names this process as the holder again, after another one shared them. */
  renew(): void;
}

/**
 * Locks the store: both its folder, which nobody removes by mistake, and the file `lock`, which names the
 * holder and is what earlier versions lock. Rejects when another process has the lock.
 * @param given those of a process that shares them.
 */
export async function lockStore(root: string, given: readonly OpenFile[] = []): Promise<StoreLocks> {
  const held: { path: string; lock: StoreLock }[] = [];
  const release = () => {
    for (const { lock } of held.reverse()) lock.release();
  };
  try {
    const paths = [await realpath(root), join(root, 'lock')];
    for (const [index, path] of paths.slice(-given.length || 0).entries()) {
      const lock = lockOf(path, given[index]);
      if (lock === undefined) throw await heldByAnother(root);
      if (lock !== 'cannot') held.push({ path, lock });
    }
    const renew = () => {
      for (const { path, lock } of held) {
        const file = lock.file();
        addon.lockStore(path, file)?.release();
        addon.closeFile(file);
      }
    };
    return { release, renew, files: () => held.map(({ lock }) => lock.file()) };
  } catch (cause) {
    release();
    throw cause;
  }
}

function lockOf(path: string, given: OpenFile | undefined): StoreLock | undefined | 'cannot' {
  try {
    return addon.lockStore(path, given);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // NFS locks only what is open for writing (flock(2)), which no folder can be.
    if (code === 'EBADF' && message.startsWith('flock')) return 'cannot';
    if (isFull(code)) throw new Error(`${path}: the disk has no room for it; make some`, { cause });
    throw new Error(
      `${path}: cannot be locked (${message}); a store is written on a file system with locks, by the user ` +
        'that owns it',
      { cause },
    );
  }
}

/** Thrown when another process has the lock of the store. */
export class StoreHeld extends Error {}

/** Undefined: nobody has the lock of the store, as far as can be seen. Takes nothing that it keeps. */
export async function holderOf(root: string): Promise<Error | undefined> {
  try {
    const lock = addon.lockStore(await realpath(root));
    lock?.release();
    return lock ? undefined : await heldByAnother(root);
  } catch {
    return undefined;
  }
}

async function heldByAnother(root: string): Promise<Error> {
  const pid = (await readRegular(join(root, 'lock'), maxSmallFile).catch(() => '')).trim();
  return new StoreHeld(
    `${root}: process ${pid || 'unknown'} has this store open for writing; write through that server ` +
      'with --server, or wait until the process has ended',
  );
}

/** Where a rebuild keeps the old metadata and journal until it has ended. */
export function aside(root: string): string {
  return join(root, 'meta', 'rebuilding');
}

/** Rejects when a rebuild of the metadata did not end. */
export async function checkWhole(root: string): Promise<void> {
  const left = await stat(aside(root)).catch(() => undefined);
  if (left) throw new Error(`${root}: a rebuild of this store has not ended; run 'sealgate rebuild' again`);
}

/**
 * Rejects when there are no metadata to read: LMDB's own error names no remedy, and it leaves a lock file.
 */
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

/** Bytes, more than LMDB's lock file has. */
const lockFileBytes = 64 * 1024;

/**
 * LMDB crashes when its lock file cannot be opened or has no room on the disk. This rejects before, with the
 * reason.
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
    // LMDB needs no lock file on a read-only file system.
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

// Gives a file that root has created, when reading beside the owner's processes, to that owner.
async function prepareNew(file: FileHandle, uid: number, path: string): Promise<void> {
  const owner = await stat(dirname(path));
  if (uid === 0 && owner.uid !== 0) await file.chown(owner.uid, owner.gid);
  try {
    addon.allocateAhead(path, lockFileBytes);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EOPNOTSUPP') throw cause;
  }
}
