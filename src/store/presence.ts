// Whether the store on disk is still the one that was opened: folders are removed, renamed and unmounted
// while open files and what is in memory go on as if nothing had happened.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readId } from './identity.ts';

/** What a store cannot do without, below its root, besides its blobs. */
const parts = ['.', 'format', 'staging', 'meta'];
const idPart = 'blobs/id';

/** Resolves with a look at the store as it is now; the look resolves with what is missing or another. */
export async function presenceOf(root: string): Promise<() => Promise<string | undefined>> {
  // By its inode: what a process has open of a part does not follow to another one. Blobs are opened by their
  // path, each by itself, and a disk that is mounted again has another number.
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
        // A full disk may have kept the id from being written until now.
        if (!opened.has(part)) opened.set(part, found);
        // The layout's version may be written anew.
        if (found !== opened.get(part) && part !== 'format')
          return `${path} is not the one that was opened; was it unmounted or replaced?`;
      } catch (cause) {
        return `${path} cannot be looked at (${(cause as NodeJS.ErrnoException).code})`;
      }
    }
    return undefined;
  };
}
