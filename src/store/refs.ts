// Refs: what names point at, and what a commit changes to make them point elsewhere. Each version of a name
// is written once, with the hold that keeps its blob.

import { type Digests, namesOf, someDigests } from '../digest.ts';
import { SealgateError } from '../errors.ts';
import { differenceOf, type Said } from '../object_fields.ts';
import { nameHold } from './holds.ts';
import type { RefRecord } from './listing.ts';
import { behind, type Metadata, type Version } from './metadata.ts';
import type { OwnEnds } from './own_ends.ts';
import type { StoreRecord } from './records.ts';
import type { BucketKind, PutOutcome, Ref } from './store.ts';
import { type Expiry, endBy, endOf, type Reading } from './time_to_live.ts';
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
  /** When it is to end; undefined: as the same bytes do under this name. */
  expires: Expiry | undefined;
}

/** What decides the outcome. */
type Comparing = Pick<Pointing, 'digest' | 'digests' | 'said' | 'expires'>;

/** A version that is no tombstone. */
type Holding = Extract<RefRecord, { digest: string }>;

export class Refs {
  readonly #meta: Metadata;
  readonly #reading: Reading;
  readonly #ownEnds: OwnEnds;

  constructor(meta: Metadata, reading: Reading, ownEnds: OwnEnds) {
    this.#meta = meta;
    this.#reading = reading;
    this.#ownEnds = ownEnds;
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
  outcome(at: At, to: Comparing): PutOutcome {
    return this.#outcome(at, to, this.#newest(at.bucket, at.name)?.value, this.#reading.now());
  }

  #outcome(
    { bucket, kind, name }: At,
    to: Comparing,
    newest: RefRecord | undefined,
    now: number,
  ): PutOutcome {
    if (!newest) return 'created';
    const held = this.#held(bucket, newest, now);
    if (!held) {
      if (kind === 'write-once' && this.#lastDigest(bucket, name) !== to.digest)
        throw new SealgateError('name-taken');
      return 'replaced';
    }
    const differs = held.digest === to.digest ? differenceOf(to.said, held) : 'name-taken';
    if (differs !== undefined && kind === 'write-once') throw new SealgateError(differs);
    const ends = endsOtherwise(to.expires, held, now);
    if (differs !== undefined || (ends !== undefined && kind === 'versioned')) return 'replaced';
    if (ends === 'earlier')
      throw new SealgateError(
        'fields-differ',
        'The name holds these bytes for longer than that, and its bucket is write-once.',
      );
    // A request that is repeated, as its answer was lost, asks for a later end. That takes nothing from
    // anybody.
    return ends === 'later' || this.#isRenewed(bucket, to, held, now) ? 'renewed' : 'same';
  }

  // Whoever stores the bytes again counts on them for as long as who stores others. A request that is
  // repeated makes no version for each time.
  #isRenewed(
    bucket: string,
    { digests }: Comparing,
    { created, digests: known }: Holding,
    now: number,
  ): boolean {
    if (namesOf(digests).some((each) => known?.[each] !== digests?.[each])) return true;
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
    const { bucket, name } = at;
    const newest = this.#newest(bucket, name);
    const outcome = this.#outcome(at, to, newest?.value, now);
    if (outcome === 'same') return { outcome, changes: [] };
    const { digest, size, said } = to;
    const held = this.#held(bucket, newest?.value, now);
    const before = held?.digest === digest ? held : undefined;
    const mediaType = said.mediaType ?? before?.mediaType ?? to.mediaType;
    const fields = said.fields ?? before?.fields ?? {};
    const digests = someDigests({ ...before?.digests, ...to.digests });
    const version = (newest?.version ?? 0) + 1;
    const time = timeBehind(newest?.value, now);
    const modified =
      outcome === 'renewed' ? before?.modified : modifiedSince(newest?.value, to.modified, time.created);
    const expires = to.expires === undefined ? before?.expires : endBy(to.expires, now);
    if (expires !== undefined) this.#ownEnds.isIn(bucket);
    const value: RefRecord = {
      digest,
      ...(digests && { digests }),
      mediaType,
      size,
      ...(Object.keys(fields).length > 0 && { fields }),
      ...time,
      ...(modified !== undefined && { modified }),
      ...(expires !== undefined && { expires }),
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

/** Whether the end that is asked for is another than the recorded one, by a second or more. */
function endsOtherwise(
  asked: Expiry | undefined,
  { expires = Number.POSITIVE_INFINITY }: Holding,
  now: number,
): 'later' | 'earlier' | undefined {
  const end = asked === undefined ? expires : endBy(asked, now);
  if (end === expires || second(end) === second(expires)) return undefined;
  return end > expires ? 'later' : 'earlier';
}
