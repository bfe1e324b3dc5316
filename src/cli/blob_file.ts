// The file of a stored blob, for commands that read it.

import { access, constants } from 'node:fs/promises';
import { SealgateError } from '../errors.ts';
import { Blobs } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';

/** Its path. Rejects with the path and the reason when it cannot be read. */
export async function blobFile(store: Store, digest: string): Promise<string> {
  checkKept(store, digest);
  const path = new Blobs(store.root).path(digest);
  await access(path, constants.R_OK).catch(({ code }) => {
    throw new Error(`its file cannot be read (${code}): ${path}`);
  });
  return path;
}

/**
 * Throws `content-forgotten` or `seal-broken` for a blob that is no longer served, with the recorded reason.
 * @param called goes before the message, for example `files/a: `.
 */
export function checkKept(store: Store, digest: string, called = ''): void {
  const [known] = store.known({ only: digest });
  if (known?.state === 'forgotten')
    throw new SealgateError('content-forgotten', `${called}its content was forgotten (${known.why})`);
  if (known?.state === 'withdrawn')
    throw new SealgateError('seal-broken', `${called}its file is in quarantine (${known.why})`);
}
