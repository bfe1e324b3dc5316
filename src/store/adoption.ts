// Adoption: a file in the place of a blob that is not on record as stored. A crash between a file's place and
// its record leaves one; nothing points at it, as nobody was told that it is stored.

import type { SealLevel } from '../native/addon.ts';
import type { Blobs } from './blobs.ts';
import type { Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';

/**
 * adopted: its bytes are right, and it is on record now; what nothing points at is collected like any other.
 * withdrawn: they are wrong, and it is in quarantine. removed: its blob was forgotten or collected. nothing:
 * there is no such file, or the blob is on record by now.
 */
export type Adopted = 'adopted' | 'withdrawn' | 'removed' | 'nothing';

/**
 * The caller holds the lock of the digest: an upload of the same bytes comes before or after it.
 * @param wanted the level to seal it at.
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
  const { size, evidence } = found;
  const record: BlobRecord = { size, evidence, created: Date.now() };
  await meta.append<BlobRecord>('blobs', [digest], () => record);
  return 'adopted';
}
