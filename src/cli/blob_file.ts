// The file of a stored blob, for commands that read it.

import { access, constants } from 'node:fs/promises';
import { Blobs } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';

/** Its path. Rejects with the path and the reason when it cannot be read. */
export async function blobFile(store: Store, digest: string): Promise<string> {
  const path = new Blobs(store.root).path(digest);
  await access(path, constants.R_OK).catch(({ code }) => {
    throw new Error(`its file cannot be read (${code}): ${path}`);
  });
  return path;
}
