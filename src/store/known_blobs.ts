// KnownBlobs: what the records say of blobs, a page at a time.

import { behind, type Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import type { KnownBlob } from './store.ts';

export function knownBlob(meta: Metadata, digest: string): KnownBlob[] {
  const record = meta.newest<BlobRecord>('blobs', [digest])?.value;
  return record ? told(digest, record) : [];
}

/** In order of their digests. No transaction of the metadata outlives the call. */
export function knownBlobs(meta: Metadata, { after, limit }: { after: string; limit: number }): KnownBlob[] {
  const found: KnownBlob[] = [];
  // The versions of a blob come one after another; the last of them counts.
  for (const { key, value } of meta.range<BlobRecord>('blobs', { start: behind([after]) })) {
    const [digest] = key as [string, number];
    if (found.at(-1)?.digest === digest) found.pop();
    if (found.length === limit) break;
    found.push(...told(digest, value));
  }
  return found;
}

/** The state of a blob by its newest record; empty for a collected one. */
function told(digest: string, record: BlobRecord): KnownBlob[] {
  if ('collected' in record) return [];
  if ('forgotten' in record) return [{ digest, state: 'forgotten', why: record.forgotten }];
  if ('quarantined' in record) return [{ digest, state: 'withdrawn', why: record.quarantined }];
  return [{ digest, state: 'stored', size: record.size }];
}
