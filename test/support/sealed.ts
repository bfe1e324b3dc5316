// What tests of seal levels share: what this machine's kernel and rights allow, and how immutable files go.

import { execFileSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addon, type SealLevel } from '../../src/native/addon.ts';

/** The level that a file in the folder reaches when L2 is wanted: L1 without CAP_LINUX_IMMUTABLE. */
export function reachedLevel(folder: string): SealLevel {
  const { immutable, lease } = addon.sealMeans(folder);
  return immutable === '' && lease === '' ? 'L2' : 'L1';
}

/** Sets or clears the immutable flag with chattr(1). */
export function setImmutable(file: string, on: boolean): void {
  execFileSync('chattr', [on ? '+i' : '-i', file], { stdio: 'pipe' });
}

/** Removes a folder and all that is in it, immutable or not. */
export async function removeSealed(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isFile()) await addon.releaseFile(join(entry.parentPath ?? entry.path, entry.name));
  }
  await rm(folder, { recursive: true, force: true });
}
