// Refs: what names point at, and what a commit changes to make them point elsewhere. Each version of a name
// is written once, with the hold that keeps its blob.

import type { Dates } from '../dates.ts';
import { SealgateError } from '../errors.ts';
import { differenceOf, type Said } from '../object_fields.ts';
import { nameHold } from './holds.ts';
import type { RefRecord } from './listing.ts';
import { behind, type Metadata } from './metadata.ts';
import type { StoreRecord } from './records.ts';
import type { BucketKind, PutOutcome, Ref } from './store.ts';
import { refOf } from './version_listing.ts';
import { modifiedSince, timeBehind } from './version_times.ts';

/** A name, and the kind of its bucket. */
export interface At {
  bucket: string;
  kind: BucketKind;
  name: string;
}

export interface Pointing {
  digest: string;
  size: number;
  said: Said;
  /** The media type to record where the caller named none and none is on record. */
  mediaType: string;
  modified: number | undefined;
}

export class Refs {
  readonly #meta: Metadata;
  readonly #dates: Dates;

  /** @param dates what HTTP tells as the date of a version. */
  constructor(meta: Metadata, dates: Dates) {
    this.#meta = meta;
    this.#dates = dates;
  }

  resolve(bucket: string, name: string): Ref | undefined {
    const newest = this.#newest(bucket, name);
    if (!newest) return undefined;
    return refOf(newest.version, newest.value, this.#dates);
  }

  version(bucket: string, name: string, version: number): Ref | undefined {
    const value = this.#meta.get<RefRecord>('refs', [bucket, name, version]);
    return value && refOf(version, value, this.#dates);
  }

  #newest(bucket: string, name: string) {
    return this.#meta.newest<RefRecord>('refs', [bucket, name]);
  }

  /**
   * What pointing a name at these bytes will do to it. Throws `name-taken`, `media-type-differs` and
   * `fields-differ`.
   */
  outcome({ bucket, kind, name }: At, digest: string, said: Said): PutOutcome {
    const newest = this.#newest(bucket, name)?.value;
    if (!newest) return 'created';
    if ('deleted' in newest) {
      if (kind === 'write-once' && this.#lastDigest(bucket, name) !== digest)
        throw new SealgateError('name-taken');
      return 'replaced';
    }
    const differs = newest.digest === digest ? differenceOf(said, newest) : 'name-taken';
    if (differs === undefined) return 'same';
    if (kind === 'write-once') throw new SealgateError(differs);
    return 'replaced';
  }

  // A deleted name of a write-once bucket may point again at the bytes that it held, and at no others.
  #lastDigest(bucket: string, name: string): string | undefined {
    const versions = { start: behind([bucket, name]), end: [bucket, name], reverse: true };
    for (const { value } of this.#meta.range<RefRecord>('refs', versions))
      if ('digest' in value) return value.digest;
    return undefined;
  }

  /** The outcome, with the changes to commit: none when the name points at these bytes already. */
  pointing(at: At, to: Pointing): { outcome: PutOutcome; changes: StoreRecord[] } {
    const outcome = this.outcome(at, to.digest, to.said);
    if (outcome === 'same') return { outcome, changes: [] };
    const { digest, size, said } = to;
    const { bucket, name } = at;
    const newest = this.#newest(bucket, name);
    const before = newest && sameBytes(newest.value, digest);
    const mediaType = said.mediaType ?? before?.mediaType ?? to.mediaType;
    const fields = said.fields ?? before?.fields ?? {};
    const version = (newest?.version ?? 0) + 1;
    const time = timeBehind(newest?.value);
    const modified = modifiedSince(newest?.value, to.modified, time.created);
    const value: RefRecord = {
      digest,
      mediaType,
      size,
      ...(Object.keys(fields).length > 0 && { fields }),
      ...time,
      ...(modified !== undefined && { modified }),
    };
    const changes: StoreRecord[] = [
      { table: 'refs', key: [bucket, name, version], value },
      nameHold(digest, { bucket, name, version }, time.created),
    ];
    return { outcome, changes };
  }

  /** A tombstone version, with the change to commit: none when there is nothing to delete. */
  deleting({ bucket, name }: At): { outcome: 'deleted' | 'absent'; changes: StoreRecord[] } {
    const newest = this.#newest(bucket, name);
    if (!newest || 'deleted' in newest.value) return { outcome: 'absent', changes: [] };
    const value: RefRecord = { deleted: true, created: timeBehind(newest.value).created };
    return {
      outcome: 'deleted',
      changes: [{ table: 'refs', key: [bucket, name, newest.version + 1], value }],
    };
  }

  /** Writes a tombstone version; false when there was nothing to delete. */
  delete(at: At): Promise<boolean> {
    return this.#meta.change(`${at.bucket}/${at.name}`, () => this.deleting(at).changes, 'frees');
  }
}

/** The version, when it points at these bytes. */
function sameBytes(version: RefRecord, digest: string) {
  return 'digest' in version && version.digest === digest ? version : undefined;
}
