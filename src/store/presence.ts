// Presence: whether the store on disk is still the one that was opened. When its folders are removed, renamed
// or unmounted, open files and the state in memory would go on as if nothing had happened.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readId } from './identity.ts';

/** Paths below the root that a store needs, besides its blobs. */
const parts = ['.', 'format', 'staging', 'meta'];
const idPart = 'blobs/id';

/**
 * Remembers the store as it is now. Resolves with a function that resolves with what is missing or was
 * replaced since.
 */
export async function presenceOf(root: string): Promise<() => Promise<string | undefined>> {
  // Compares inodes, because files that are open do not follow to a replaced folder. Blobs are opened one by
  // one by their paths, so for them the id is compared: a disk that is mounted again has another device
  // number.
  const inode = async (part: string) => {
    const { dev, ino } = await stat(join(root, part));
    return `${dev} ${ino}`;
  };
  const looks = new Map(parts.map((part) => [part, () => inode(part)]));
  looks.set(idPart, () => readId(root));
  const opened = new Map<string, string>();
  for (const [part, look] of looks) {
    const found = await look().catch((error) => {
      if (part === idPart && error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== undefined) opened.set(part, found);
  }
  return async () => {
    for (const [part, look] of looks) {
      const path = join(root, part);
      try {
        const found = await look();
        // The id may have been written only now, because the disk was full.
        if (!opened.has(part)) opened.set(part, found);
        // The file with the format may have been rewritten.
        if (found !== opened.get(part) && part !== 'format')
          return `${path} is not the one that was opened; was it unmounted or replaced?`;
      } catch (cause) {
        return `${path} cannot be looked at (${(cause as NodeJS.ErrnoException).code})`;
      }
    }
    return undefined;
  };
}
