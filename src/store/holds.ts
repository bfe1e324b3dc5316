// Holds: records of what keeps each blob, found by its digest. A hold is written in the same commit as what
// it stands for. A blob without holds is collected after the grace time (gc.ts).

import { behind, type Metadata } from './metadata.ts';
import type { StoreRecord } from './records.ts';

/**
 * Why a blob without a name is kept. upload: a client stored it by its digest. found: its file was adopted.
 */
export type Nameless = 'upload' | 'found';

export interface VersionOfName {
  bucket: string;
  name: string;
  version: number;
}

/** `since`: milliseconds since the epoch. */
export type Hold = ({ kind: 'name' } & VersionOfName & { since: number }) | { kind: Nameless; since: number };

/** The key of a version's hold. */
export function nameHoldKey(digest: string, { bucket, name, version }: VersionOfName) {
  return [digest, 'name', bucket, name, version];
}

export function nameHold(digest: string, at: VersionOfName, since: number): StoreRecord {
  return { table: 'holds', key: nameHoldKey(digest, at), value: { since } };
}

export function namelessHold(digest: string, kind: Nameless, since: number): StoreRecord {
  return { table: 'holds', key: [digest, kind], value: { since } };
}

/** What keeps a blob, in the order of the keys. */
export function* holdsOf(meta: Metadata, digest: string): Generator<Hold> {
  for (const { key, value } of meta.range<{ since: number }>('holds', { start: [digest] })) {
    const [of, kind, bucket, name, version] = key as [string, Hold['kind'], string, string, number];
    if (of !== digest) return;
    const { since } = value;
    yield kind === 'name' ? { kind, bucket, name, version, since } : { kind, since };
  }
}

export function isHeld(meta: Metadata, digest: string): boolean {
  // Returns out of the loop, which closes the cursor; next() alone would leave it and its transaction open.
  for (const _ of holdsOf(meta, digest)) return true;
  return false;
}

/** The buckets of which some version of some name keeps a blob: a look-up each. */
export function* bucketsOf(meta: Metadata, digest: string): Generator<string> {
  // No name of a bucket has a blank, which sorts before all that they have.
  const next = (bucket: string) => `${bucket} `;
  for (let bucket = nameFrom(meta, [digest, 'name'])?.bucket; bucket !== undefined; ) {
    yield bucket;
    bucket = nameFrom(meta, [digest, 'name', next(bucket)])?.bucket;
  }
}

/** The names of a bucket of which some version keeps a blob: a look-up each. */
export function* namesOf(meta: Metadata, digest: string, bucket: string): Generator<string> {
  let found = nameFrom(meta, [digest, 'name', bucket]);
  while (found?.bucket === bucket) {
    yield found.name;
    found = nameFrom(meta, behind([digest, 'name', bucket, found.name]));
  }
}

/** The names of all buckets of which some version keeps a blob. */
export function* allNamesOf(meta: Metadata, digest: string): Generator<[bucket: string, name: string]> {
  for (const bucket of bucketsOf(meta, digest))
    for (const name of namesOf(meta, digest, bucket)) yield [bucket, name];
}

/** The first version of a name, from a key on, that keeps the key's blob. */
function nameFrom(meta: Metadata, start: (string | number)[]): VersionOfName | undefined {
  for (const { key } of meta.range('holds', { start, limit: 1 })) {
    const [digest, kind, bucket, name, version] = key as [string, Hold['kind'], string, string, number];
    if (digest === start[0] && kind === 'name') return { bucket, name, version };
  }
  return undefined;
}
