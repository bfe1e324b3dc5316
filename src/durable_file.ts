// Writes of small files that survive a power cut: afterwards a file is either complete or not there.

import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { naming } from './named_errors.ts';

/** Resolves when creations, renames and removals in the folder are on disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await naming(path, () => folder.sync()).finally(() => folder.close());
}

/** Resolves when the file's contents and its entry in the folder are on disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path);
  await naming(path, () => file.sync()).finally(() => file.close());
  await syncFolder(dirname(path));
}

/**
 * Replaces the file at `path`, or creates it, with mode 0600. Whoever calls this holds a lock, so a
 * temporary file is what a killed process left, and is written over.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  await naming(temporary, async () => {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  });
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
