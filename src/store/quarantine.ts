// Quarantine: how much is kept of what was withdrawn. A file is kept for as long as nothing else has the
// bytes that it was to have: it may turn out to be right, or be mended. One whose blob is stored again is of
// use to whoever looks for the cause alone, and leaves when there is too much.

import { lstat, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { isDigest } from '../digest.ts';
import { removeFile } from './blob_files.ts';
import { quarantined } from './side_folders.ts';

export interface Quarantine {
  files: number;
  bytes: number;
}

interface Kept {
  path: string;
  isFile: boolean;
  size: number;
  since: number;
}

async function filesOf(root: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const path of await quarantined(root)) {
    // One that was given back meanwhile is none.
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) continue;
    const isFile = found.isFile();
    kept.push({ path, isFile, size: isFile ? found.size : 0, since: found.ctimeMs });
  }
  return kept;
}

const sizeOf = (kept: Kept[]): Quarantine => ({
  files: kept.length,
  bytes: kept.reduce((sum, { size }) => sum + size, 0),
});

export async function quarantineOf(root: string): Promise<Quarantine> {
  return sizeOf(await filesOf(root));
}

/**
 * Removes the oldest files that nobody needs until the rest has at most so many bytes; what is left may have
 * more, where it is needed. `removed`: their names.
 * @param isStored whether the blob of this digest is stored, and so the file is not needed.
 */
export async function boundQuarantine(
  root: string,
  maxBytes: number,
  isStored: (digest: string) => boolean,
): Promise<Quarantine & { removed: string[] }> {
  const kept = (await filesOf(root)).sort((one, other) => one.since - other.since);
  const left = sizeOf(kept);
  const removed: string[] = [];
  for (const { path, isFile, size } of kept) {
    if (left.bytes <= maxBytes) break;
    if (!isSpare(basename(path), isStored)) continue;
    if (isFile) await removeFile(path);
    else await rm(path, { recursive: true, force: true });
    removed.push(basename(path));
    left.files--;
    left.bytes -= size;
  }
  return { ...left, removed };
}

// What the sentinel received in place of a blob never was the blob's file.
function isSpare(name: string, isStored: (digest: string) => boolean): boolean {
  if (name.startsWith('sentinel-')) return true;
  const digest = name.split('.')[0] ?? '';
  return isDigest(digest) && isStored(digest);
}
