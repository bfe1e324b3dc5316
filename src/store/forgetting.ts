// Forgetting: a blob's file is removed for good, and the metadata say so.

import { hasCode, SealgateError } from '../errors.ts';
import type { Blobs } from './blobs.ts';
import type { Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';

/**
 * Under the lock of the digest. Recorded first: after a crash between the two the blob is not served, and the
 * same call removes the file. On a disk without room for the record the file goes first: its space is what
 * the record needs. False when there was never such a blob.
 */
export async function forgetBlob(
  meta: Metadata,
  blobs: Blobs,
  digest: string,
  why: string,
): Promise<boolean> {
  if (!meta.newest<BlobRecord>('blobs', [digest])) return false;
  const record = () =>
    meta.append<BlobRecord>('blobs', [digest], (newest) =>
      newest && 'forgotten' in newest.value ? undefined : { forgotten: why, created: Date.now() },
    );
  await record().catch(async (cause) => {
    if (!hasCode(cause, 'store-full')) throw cause;
    await blobs.remove(digest);
    await record().catch((again) => {
      throw hasCode(again, 'store-full') ? unrecorded(digest, again) : again;
    });
  });
  await blobs.remove(digest);
  return true;
}

function unrecorded(digest: string, cause: unknown): SealgateError {
  return new SealgateError(
    'store-full',
    `The files of blob ${digest} are removed, and there is no space to record that it is forgotten; ` +
      'forget others or make room, then forget it again.',
    { cause },
  );
}
