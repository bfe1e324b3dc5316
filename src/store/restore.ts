// Restore: a blob that was withdrawn is given back when a file that was it still has its digest.

import { dirname } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import { addon, type Evidence, type SealLevel } from '../native/addon.ts';
import type { Blobs } from './blobs.ts';
import type { Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import type { Restored } from './store.ts';

/** The caller holds the lock of the digest. @param wanted the level to seal the blob at. */
export async function restoreBlob(
  meta: Metadata,
  blobs: Blobs,
  digest: string,
  wanted: SealLevel,
): Promise<Restored> {
  const known = meta.newest<BlobRecord>('blobs', [digest])?.value;
  if (!known || 'size' in known || 'collected' in known) return 'not-withdrawn';
  if ('forgotten' in known) return 'forgotten';
  const found = (await inPlace(blobs, digest, wanted)) ?? (await fromQuarantine(blobs, digest, wanted));
  if (!found) return 'no-right-file';
  await meta.append<BlobRecord>('blobs', [digest], (newest) =>
    newest && 'quarantined' in newest.value ? { ...found, created: Date.now() } : undefined,
  );
  return 'restored';
}

interface Proved {
  size: number;
  evidence: Evidence;
}

async function inPlace(blobs: Blobs, digest: string, wanted: SealLevel): Promise<Proved | undefined> {
  const { digest: actual, size, evidence } = await blobs.hash(digest, wanted).catch(() => nothing);
  if (actual !== digest) return undefined;
  await blobs.sync(digest);
  return { size, evidence };
}

/** The hash of a file that cannot be read: it equals no digest. */
const nothing = { digest: '', size: 0, evidence: '' };

// The file is moved back without replacing one, and hashed again where it is: its evidence has to be that of
// the bytes in their place.
async function fromQuarantine(blobs: Blobs, digest: string, wanted: SealLevel): Promise<Proved | undefined> {
  for (const file of (await blobs.withdrawn(digest)).files) {
    const { digest: actual } = await addon.hashFile(file).catch(() => nothing);
    if (actual !== digest) continue;
    // What is wrong and stands in its place goes out of the way.
    await blobs.quarantine(digest);
    await blobs.place(file, digest, 'L1');
    await syncFolder(dirname(file));
    const placed = await inPlace(blobs, digest, wanted);
    if (placed) return placed;
    throw new SealgateError('store-read-failed', `Blob ${digest} was put back and cannot be read there.`);
  }
  return undefined;
}
