// File systems of a few megabytes, for what happens when one is full, or not in memory. Need the right to
// mount.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  dir: string;
  /** Fills the file system until this many bytes are free. */
  leave(bytes: number): Promise<void>;
  /** Frees the space that was taken. */
  makeRoom(): Promise<void>;
  remove(): Promise<void>;
}

export interface ImageDisk {
  dir: string;
  /** Drops the file system's pages from memory, so that reads reach the disk. */
  forget(): void;
  /** Changes a byte of these contents on the disk alone: pages in memory keep the old one. */
  change(bytes: Buffer): void;
  remove(): Promise<void>;
}

/** ext4 in a file. Resolves with the reason, as text, where that cannot be mounted. */
export async function mountImage(mebibytes: number): Promise<ImageDisk | string> {
  const home = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-image-'));
  const [image, dir] = [join(home, 'image'), join(home, 'mounted')];
  const mount = () => execFileSync('mount', ['-o', 'loop', image, dir], { stdio: 'pipe' });
  try {
    mkdirSync(dir);
    execFileSync('truncate', ['-s', `${mebibytes}M`, image]);
    execFileSync('/sbin/mkfs.ext4', ['-q', image], { stdio: 'pipe' });
    mount();
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    return `no image can be mounted here: ${(error as Error).message.split('\n').at(-2)}`;
  }
  return {
    dir,
    forget: () => {
      execFileSync('umount', [dir]);
      mount();
    },
    change: (bytes) => {
      execFileSync('sync', ['-f', dir]);
      const at = readFileSync(image).indexOf(bytes);
      if (at < 0) throw new Error('the bytes are not on the disk');
      const file = openSync(image, 'r+');
      writeSync(file, Buffer.from([(bytes[0] ?? 0) ^ 1]), 0, 1, at);
      closeSync(file);
    },
    remove: async () => {
      execFileSync('umount', ['--lazy', dir]);
      await rm(home, { recursive: true, force: true });
    },
  };
}

/**
 * Mounts the folder `from` at `at`: a mount of its own on the same file system. Returns the reason, as text,
 * where nothing can be mounted.
 */
export function bindFolder(from: string, at: string): string | undefined {
  try {
    execFileSync('mount', ['--bind', from, at], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `no folder can be bound here: ${(error as Error).message.split('\n').at(-2)}`;
  }
}

/** Unmounts what is at `at`, also while a process has a folder of it open. */
export function unmount(at: string): void {
  execFileSync('umount', ['--lazy', at], { stdio: 'pipe' });
}

/** Resolves with the reason, as text, where nothing can be mounted. */
export async function mountSmallDisk(mebibytes: number): Promise<SmallDisk | string> {
  const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', dir], { stdio: 'pipe' });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    return `no tmpfs can be mounted here: ${(error as Error).message.split('\n').at(-2)}`;
  }
  const ballast = join(dir, 'ballast');
  return {
    dir,
    leave: async (bytes) => {
      const { bavail, bsize } = await statfs(dir);
      writeFileSync(ballast, Buffer.alloc(Math.max(bavail * bsize - bytes, 0)));
    },
    makeRoom: () => rm(ballast, { force: true }),
    remove: async () => {
      execFileSync('umount', ['--lazy', dir]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
