// Adoption: what becomes of a file in the place of a blob that is not recorded as stored. A crash between the
// placing of a file and its record leaves such a file; nothing points at it, as nobody was told of it.

import type { SealLevel } from '../native/addon.ts';
import type { Blobs } from './blobs.ts';
import type { Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';

/**
 * adopted: the bytes are right, and the blob is recorded now; it is collected when nothing comes to point at
 * it. withdrawn: the bytes are wrong, and the file is in quarantine. removed: the blob was forgotten or
 * collected. nothing: there is no such file, or the blob has been recorded meanwhile.
 */
export type Adopted = 'adopted' | 'withdrawn' | 'removed' | 'nothing';

/**
 * The caller holds the lock of the digest, so an upload of the same bytes comes before or after this.
 * @param wanted the seal level to give the blob.
 */
export async function adoptBlob(
  meta: Metadata,
  blobs: Blobs,
  digest: string,
  wanted: SealLevel,
): Promise<Adopted> {
  const known = meta.newest<BlobRecord>('blobs', [digest])?.value;
  if (known && 'size' in known) return 'nothing';
  if (known && ('forgotten' in known || 'collected' in known)) {
    await blobs.remove(digest);
    return 'removed';
  }
  const found = await blobs.hash(digest, wanted).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return 'nothing';
  if (found.digest !== digest) {
    await blobs.quarantine(digest);
    return 'withdrawn';
  }
  await blobs.sync(digest);
  const { size, evidence } = found;
  const record: BlobRecord = { size, evidence, created: Date.now() };
  await meta.append<BlobRecord>('blobs', [digest], () => record);
  return 'adopted';
}
