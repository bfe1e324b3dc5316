// Gc: the one module that removes what a store has: versions of names, blobs that nothing keeps, and blobs
// that are to be forgotten. A record goes before its file, so that a crash leaves nothing that is known and
// not there.

import { hasCode, SealgateError } from '../errors.ts';
import { type Blobs, FilesLeft } from './blobs.ts';
import { codingsOf } from './codings.ts';
import { isHeld } from './holds.ts';
import type { Key, Metadata, Version } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import { inCommits, removal, type StoreRecord } from './records.ts';

interface Parts {
  meta: Metadata;
  blobs: Blobs;
}

/** Removes versions of names and their holds on blobs; both of one name go in one commit. */
export async function release(meta: Metadata, records: Pick<StoreRecord, 'table' | 'key'>[]): Promise<void> {
  const changes = records.map(({ table, key }) => removal(table, key));
  await meta.make(changes, 'frees').catch(async (cause) => {
    if (!hasCode(cause, 'store-full') || records.length <= 2) throw cause;
    // A full disk may have room for commits of half the size. A version goes together with its hold.
    const half = records.length >> 1;
    const middle = half + Number(records[half - 1]?.table === 'holds');
    await release(meta, records.slice(0, middle));
    await release(meta, records.slice(middle));
  });
}

function versionsOf(meta: Metadata, digest: string): { key: Key; value: BlobRecord }[] {
  const found: { key: Key; value: BlobRecord }[] = [];
  for (const each of meta.range<BlobRecord>('blobs', { start: [digest] })) {
    if (each.key[0] !== digest) break;
    found.push(each);
  }
  return found;
}

/** Size in bytes by the newest record that has one. */
export function bytesOf(meta: Metadata, digest: string): number {
  const sizes = versionsOf(meta, digest).map(({ value }) =>
    'size' in value ? value.size : 'collected' in value ? value.collected : undefined,
  );
  return sizes.filter((size) => size !== undefined).at(-1) ?? 0;
}

/**
 * Removes a blob that nothing keeps, under the lock of its digest. A record says that it is collected before
 * its file goes, and all of its records go after that: after a kill between two steps the next round does the
 * rest.
 */
export async function removeBlob({ meta, blobs }: Parts, digest: string): Promise<void> {
  const collected = (newest: Version<BlobRecord> | undefined): BlobRecord | undefined =>
    newest && 'collected' in newest.value
      ? undefined
      : { collected: bytesOf(meta, digest), created: Date.now() };
  await recordBeforeFiles(blobs, digest, () => meta.append('blobs', [digest], collected, 'frees'));
  // No coding of the blob is put on record any more: those that are here are all.
  const codings = codingsOf(meta, digest).records.map(({ table, key }) => removal(table, key));
  const versions = versionsOf(meta, digest).map(({ key }) => removal('blobs', key));
  for (const some of inCommits([...codings, ...versions])) await meta.make(some, 'frees');
}

// On a disk without room for the record the files go first: their space is what the record needs.
async function recordBeforeFiles(
  blobs: Blobs,
  digest: string,
  record: () => Promise<unknown>,
): Promise<void> {
  await record().catch(async (cause) => {
    if (!hasCode(cause, 'store-full')) throw cause;
    await blobs.remove(digest);
    await record();
  });
  await blobs.remove(digest);
}

/** Removes what is on record of a blob's codings. Resolves with those that nothing else keeps. */
export async function releaseCodings(meta: Metadata, digest: string): Promise<string[]> {
  const { records, held } = codingsOf(meta, digest);
  if (records.length > 0) await release(meta, records);
  return held.filter((each) => !isHeld(meta, each));
}

/**
 * Records why a blob is forgotten and removes its files, under the lock of its digest. After a crash between
 * the two the blob is not served, and the same call removes the files. False when there was never such a
 * blob.
 */
export async function forgetBlob({ meta, blobs }: Parts, digest: string, why: string): Promise<boolean> {
  const known = meta.newest<BlobRecord>('blobs', [digest]);
  if (!known) return false;
  await recordBeforeFiles(blobs, digest, () => recordForgotten(meta, digest, why)).catch((cause) => {
    throw unforgotten(digest, cause);
  });
  return true;
}

// A PUT that stored the blob by its digest alone loses its hold: a later PUT of the same bytes makes a hold
// of its own.
function recordForgotten(meta: Metadata, digest: string, why: string): Promise<boolean> {
  const forgotten = (): StoreRecord[] => {
    const newest = meta.newest<BlobRecord>('blobs', [digest]);
    if (newest && 'forgotten' in newest.value) return [];
    const key = [digest, (newest?.version ?? 0) + 1];
    const nameless = ['upload', 'found'].map((kind) => removal('holds', [digest, kind]));
    return [
      { table: 'blobs', key, value: { forgotten: why, created: Date.now() } satisfies BlobRecord },
      ...nameless.filter((hold) => meta.has('holds', hold.key)),
    ];
  };
  return meta.change(digest, forgotten, 'frees');
}

function unforgotten(digest: string, cause: unknown): unknown {
  if (hasCode(cause, 'store-full'))
    return new SealgateError(
      'store-full',
      `The files of blob ${digest} are removed, and there is no space to record that it is forgotten; ` +
        'forget others or make room, then forget it again.',
      { cause },
    );
  if (!(cause instanceof FilesLeft)) return cause;
  const detail = `Blob ${digest} is to be forgotten: ${cause.message} Forget it again without the cause.`;
  return new SealgateError('store-write-failed', detail, { cause });
}
