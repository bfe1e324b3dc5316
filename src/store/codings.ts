// Codings: stored blobs in other content codings, each a blob of its own that is made once. On record they
// are versions of names in a bucket that nobody can name, so that what keeps blobs keeps them, and every
// program that reads the store knows what to do with them. A tombstone says that a coding saves too little.

import { rm } from 'node:fs/promises';
import { type ContentCoding, contentCodings } from '../content_coding.ts';
import { addon, type Hashed } from '../native/addon.ts';
import type { Arrivals } from './arrivals.ts';
import type { Blobs } from './blobs.ts';
import { nameHold, nameHoldKey, type VersionOfName } from './holds.ts';
import type { RefRecord } from './listing.ts';
import type { Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import type { StoreRecord } from './records.ts';
import type { Doubt } from './store.ts';

/** No bucket is called so (names.ts). */
const bucket = 'codings:';
/** A coding is kept when it takes at most this part of the bytes. */
const worthwhile = 0.95;

/** useless: it saves too little, or cannot be had. */
export type Coded = Hashed | 'useless' | undefined;

interface Parts {
  meta: Metadata;
  blobs: Blobs;
  arrivals: Arrivals;
  /** Bytes of a stored blob. */
  sizeOf(digest: string): number | undefined;
  /** See store.ts. */
  prove(digest: string, doubt: Doubt): Promise<unknown>;
}

export class Codings {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What there is of a stored blob in a coding; undefined: it can be made. */
  of(digest: string, coding: ContentCoding): Coded {
    const { meta, sizeOf } = this.#parts;
    const known = recordOf(meta, digest, coding)?.value;
    if (known === undefined) return undefined;
    if ('deleted' in known || isForgotten(meta, known.digest)) return 'useless';
    return sizeOf(known.digest) === undefined ? undefined : known;
  }

  /**
   * Takes a stored blob for the coding of another one, if that is what it is. Rejects as make does.
   */
  async take(digest: string, coding: ContentCoding, from: string): Promise<boolean> {
    const { blobs, arrivals, sizeOf } = this.#parts;
    const [size, its] = [sizeOf(digest), sizeOf(from)];
    if (size === undefined || its === undefined || its > size * worthwhile) return false;
    if (!(await addon.isCoding(coding, blobs.path(from), { digest, size }))) return false;
    await arrivals.point(new Set([digest, from]), bucket, (stored) => {
      stored(digest);
      return this.#pointing(digest, coding, { digest: from, size: stored(from) });
    });
    return true;
  }

  /**
   * Codes a stored blob, unless that saves too little, and puts it on record. Takes seconds. Rejects with
   * what reading, writing and committing do, and with code ECANCELED once addon.endCoding was called.
   */
  async make(digest: string, coding: ContentCoding): Promise<Coded> {
    const { blobs, arrivals, meta, sizeOf } = this.#parts;
    const size = sizeOf(digest);
    if (size === undefined) return undefined;
    const staging = blobs.stagingPath();
    const file = { source: blobs.path(digest), digest, staging, most: Math.floor(size * worthwhile) };
    try {
      const made = await addon.codeFile(coding, file).catch((error) => this.#doubt(digest, error));
      const pointers = () => (sizeOf(digest) === undefined ? [] : this.#pointing(digest, coding, made));
      if (made) await arrivals.store({ staging, ...made }, undefined, pointers);
      else await meta.change(digest, pointers);
    } finally {
      await rm(staging, { force: true });
    }
    return this.of(digest, coding);
  }

  /** Damage that was found is reported as if a client had met it. */
  async #doubt(digest: string, error: NodeJS.ErrnoException): Promise<never> {
    if (error.code === 'EBADMSG') await this.#parts.prove(digest, 'content');
    throw error;
  }

  #pointing(digest: string, coding: ContentCoding, made: Hashed | undefined): StoreRecord[] {
    const at = versionOf(digest, coding);
    // The same bytes are made each time: their file was lost, and is back.
    if (recordOf(this.#parts.meta, digest, coding)) return [];
    const created = Date.now();
    const value: RefRecord = made
      ? { ...made, mediaType: 'application/octet-stream', created }
      : { deleted: true, created };
    const ref: StoreRecord = { table: 'refs', key: keyOf(at), value };
    return made ? [ref, nameHold(made.digest, at, created)] : [ref];
  }
}

function isForgotten(meta: Metadata, digest: string): boolean {
  const newest = meta.newest<BlobRecord>('blobs', [digest]);
  return newest !== undefined && 'forgotten' in newest.value;
}

function versionOf(digest: string, coding: ContentCoding): VersionOfName {
  return { bucket, name: `${digest}.${coding}`, version: 1 };
}

function keyOf({ bucket, name, version }: VersionOfName) {
  return [bucket, name, version];
}

function recordOf(meta: Metadata, digest: string, coding: ContentCoding) {
  const at = versionOf(digest, coding);
  const value = meta.get<RefRecord>('refs', keyOf(at));
  return value && { at, value };
}

/** The records of a blob's codings, which go when it does, and the blobs that they hold. */
export function codingsOf(meta: Metadata, digest: string) {
  const records: Pick<StoreRecord, 'table' | 'key'>[] = [];
  const held: string[] = [];
  for (const coding of contentCodings) {
    const known = recordOf(meta, digest, coding);
    if (!known) continue;
    records.push({ table: 'refs', key: keyOf(known.at) });
    if ('deleted' in known.value) continue;
    records.push({ table: 'holds', key: nameHoldKey(known.value.digest, known.at) });
    held.push(known.value.digest);
  }
  return { records, held };
}
