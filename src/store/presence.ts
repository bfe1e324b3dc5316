// Whether the store on disk is still the one that was opened: folders are removed, renamed and unmounted
// while open files and what is in memory go on as if nothing had happened.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What a store cannot do without, below its root. */
const parts = ['.', 'format', 'blobs', 'staging', 'meta'];

/** Resolves with a look at the store as it is now; the look resolves with what is missing or another. */
export async function presenceOf(root: string): Promise<() => Promise<string | undefined>> {
  const identity = async (part: string) => {
    const { dev, ino } = await stat(join(root, part));
    return `${dev} ${ino}`;
  };
  const opened = new Map<string, string>();
  for (const part of parts) opened.set(part, await identity(part));
  return async () => {
    for (const part of parts) {
      const path = join(root, part);
      try {
        // The layout's version may be written anew.
        if ((await identity(part)) !== opened.get(part) && part !== 'format')
          return `${path} is not the one that was opened; was it unmounted or replaced?`;
      } catch (cause) {
        return `${path} cannot be looked at (${(cause as NodeJS.ErrnoException).code})`;
      }
    }
    return undefined;
  };
}
