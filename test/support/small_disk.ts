// A file system of a few megabytes, for what happens when it is full. Needs the right to mount.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  dir: string;
  /** Takes all space but so many bytes. */
  leave(bytes: number): Promise<void>;
  /** Gives it back. */
  makeRoom(): Promise<void>;
  remove(): Promise<void>;
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
