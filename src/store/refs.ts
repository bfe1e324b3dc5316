// Refs: what names point at, and what a commit changes to make them point elsewhere. Each version of a name
// is written once, with the hold that keeps its blob.

import { type Digests, namesOf, someDigests } from '../digest.ts';
import { SealgateError } from '../errors.ts';
import { differenceOf, type Said } from '../object_fields.ts';
import { nameHold } from './holds.ts';
import type { RefRecord } from './listing.ts';
import { behind, type Metadata, type Version } from './metadata.ts';
import type { StoreRecord } from './records.ts';
import type { BucketKind, PutOutcome, Ref } from './store.ts';
import { endOf, type Reading } from './time_to_live.ts';
import { refOf } from './version_listing.ts';
import { modifiedSince, second, timeBehind } from './version_times.ts';

/** A name, and the kind of its bucket. */
export interface At {
  bucket: string;
  kind: BucketKind;
  name: string;
}

export interface Pointing {
  digest: string;
  /** Further digests that are known of the bytes. */
  digests: Digests | undefined;
  size: number;
  said: Said;
  /** The media type to record where the caller named none and none is on record. */
  mediaType: string;
  modified: number | undefined;
}

/** A version that is no tombstone. */
type Holding = Extract<RefRecord, { digest: string }>;

export class Refs {
  readonly #meta: Metadata;
  readonly #reading: Reading;

  constructor(meta: Metadata, reading: Reading) {
    this.#meta = meta;
    this.#reading = reading;
  }

  resolve(bucket: string, name: string): Ref | undefined {
    const newest = this.#newest(bucket, name);
    if (!newest) return undefined;
    const { version, value } = newest;
    const end = this.#endOf(bucket, value);
    if (end !== undefined && end <= this.#reading.now())
      return { version, deleted: true, created: end, expired: true };
    return refOf(version, value, this.#reading.dates, end);
  }

  version(bucket: string, name: string, version: number): Ref | undefined {
    const value = this.#meta.get<RefRecord>('refs', [bucket, name, version]);
    return value && refOf(version, value, this.#reading.dates);
  }

  #newest(bucket: string, name: string) {
    return this.#meta.newest<RefRecord>('refs', [bucket, name]);
  }

  #endOf(bucket: string, newest: RefRecord): number | undefined {
    return endOf(newest, this.#reading.timeToLiveOf(bucket));
  }

  /** What a name holds, by its newest version; undefined: nothing, or nothing any more. */
  #held(bucket: string, newest: RefRecord | undefined, now: number): Holding | undefined {
    if (newest === undefined || 'deleted' in newest) return undefined;
    return (this.#endOf(bucket, newest) ?? Number.POSITIVE_INFINITY) <= now ? undefined : newest;
  }

  /**
   * What pointing a name at these bytes will do to it. Throws `name-taken`, `media-type-differs` and
   * `fields-differ`.
   */
  outcome(
    { bucket, kind, name }: At,
    { digest, digests, said }: Pick<Pointing, 'digest' | 'digests' | 'said'>,
    now: number = this.#reading.now(),
  ): PutOutcome {
    const newest = this.#newest(bucket, name)?.value;
    if (!newest) return 'created';
    const held = this.#held(bucket, newest, now);
    if (!held) {
      if (kind === 'write-once' && this.#lastDigest(bucket, name) !== digest)
        throw new SealgateError('name-taken');
      return 'replaced';
    }
    const differs = held.digest === digest ? differenceOf(said, held) : 'name-taken';
    const isKnown = namesOf(digests).every((each) => held.digests?.[each] === digests?.[each]);
    if (differs === undefined) return !isKnown || this.#isRenewed(bucket, held, now) ? 'renewed' : 'same';
    if (kind === 'write-once') throw new SealgateError(differs);
    return 'replaced';
  }

  // Whoever stores the bytes again counts on them for as long as who stores others. A request that is
  // repeated makes no version for each time.
  #isRenewed(bucket: string, { created }: Holding, now: number): boolean {
    return this.#reading.timeToLiveOf(bucket) !== undefined && second(created) < second(now);
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
    const now = this.#reading.now();
    const outcome = this.outcome(at, to, now);
    if (outcome === 'same') return { outcome, changes: [] };
    const { digest, size, said } = to;
    const { bucket, name } = at;
    const newest = this.#newest(bucket, name);
    const held = this.#held(bucket, newest?.value, now);
    const before = held?.digest === digest ? held : undefined;
    const mediaType = said.mediaType ?? before?.mediaType ?? to.mediaType;
    const fields = said.fields ?? before?.fields ?? {};
    const digests = someDigests({ ...before?.digests, ...to.digests });
    const version = (newest?.version ?? 0) + 1;
    const time = timeBehind(newest?.value, now);
    const modified =
      outcome === 'renewed' ? before?.modified : modifiedSince(newest?.value, to.modified, time.created);
    const value: RefRecord = {
      digest,
      ...(digests && { digests }),
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
    if (!newest || !this.#held(bucket, newest.value, this.#reading.now()))
      return { outcome: 'absent', changes: [] };
    return { outcome: 'deleted', changes: [this.#tombstone({ bucket, name }, newest)] };
  }

  #tombstone({ bucket, name }: Omit<At, 'kind'>, newest: Version<RefRecord>): StoreRecord {
    const value: RefRecord = {
      deleted: true,
      created: timeBehind(newest.value, this.#reading.now()).created,
    };
    return { table: 'refs', key: [bucket, name, newest.version + 1], value };
  }

  /** Writes a tombstone version; false when there was nothing to delete. */
  delete(at: At): Promise<boolean> {
    return this.#meta.change(`${at.bucket}/${at.name}`, () => this.deleting(at).changes, 'frees');
  }

  /** Writes a tombstone version where the newest one ended before this time; false: it did not. */
  expire({ bucket, name }: Omit<At, 'kind'>, before: number): Promise<boolean> {
    const changes = () => {
      const newest = this.#newest(bucket, name);
      const end = newest && this.#endOf(bucket, newest.value);
      if (newest === undefined || end === undefined || end > before) return [];
      return [this.#tombstone({ bucket, name }, newest)];
    };
    return this.#meta.change(`${bucket}/${name}`, changes, 'frees');
  }
}
