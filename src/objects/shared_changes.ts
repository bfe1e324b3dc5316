// SharedChanges: what the objects service does with names of shared buckets: looks before it reads, and
// changes the tier before the store.

import { SealgateError } from '../errors.ts';
import type { Conditions } from '../native/addon.ts';
import type { ObjectFields } from '../object_fields.ts';
import { saidOf, typeOf } from '../store/said.ts';
import type { About, Arrived, BucketKind, Descriptor, NewRef, PutOutcome } from '../store/store.ts';
import { endBy } from '../store/time_to_live.ts';
import { isDeleted, type NewRecord, type TierRecord } from '../upstream/tier_record.ts';
import { checkConditions } from './conditions.ts';
import type { Found, Name } from './found.ts';
import type { GrowingUpload } from './growing_uploads.ts';
import type { PutRequest } from './requests.ts';
import { type Share, SharedNames, type SharedParts, type Sharing } from './shared_names.ts';
import { checkTaken } from './taken.ts';

export type { Sharing };

/** Throws what the name is refused for. See conditions.ts. */
type CheckCopy = (there: Descriptor | undefined, hasOther: boolean) => void;

type Put = Omit<PutRequest, 'fields'> & { fields: ObjectFields | undefined; arrived: Arrived };

export class SharedChanges {
  readonly #parts: SharedParts;
  readonly #names: SharedNames;

  constructor(parts: SharedParts) {
    this.#parts = parts;
    this.#names = new SharedNames(parts);
  }

  has(bucket: string): boolean {
    return this.#names.share(bucket) !== undefined;
  }

  /** See SharedNames.look. Rejects with `not-found` and `name-deleted` as well. */
  look(at: Name): Promise<Pick<Found, 'freshUntil'>> {
    return this.#look(at, true);
  }

  arriving(at: Name): Promise<Pick<Found, 'freshUntil'> & { upload?: GrowingUpload }> {
    return this.#look(at, false);
  }

  async #look(at: Name, waits: boolean) {
    const looked = await this.#names.look(at, waits);
    if (looked?.absent) throw new SealgateError(looked.absent);
    const { until: freshUntil, upload } = looked ?? {};
    return { ...(freshUntil !== undefined && { freshUntil }), ...(upload && { upload }) };
  }

  /** @param here places what has arrived. */
  async put(
    to: Name,
    kind: BucketKind,
    { arrived, ...request }: Put,
    here: (about: About) => Promise<PutOutcome>,
  ): Promise<PutOutcome> {
    const share = this.#shareOf(to);
    const { digest, size, staging, digests } = arrived;
    const { conditions, modified, fields } = request;
    const type = await typeOf(to.name, saidOf(request), staging, size);
    const expires = request.expires && endBy(request.expires, Date.now());
    let about: About = {};
    const make = (current: Descriptor | undefined, last: TierRecord | undefined): NewRecord | undefined => {
      checkConditions(conditions, current);
      if (current) checkTaken(current, kind, { ...request, digest });
      else checkLast(last, kind, digest);
      const same = current?.digest === digest ? current : undefined;
      const mediaType = request.mediaType ?? same?.mediaType ?? type;
      about = { mediaType, fields: fields ?? same?.fields ?? {}, modified };
      const end = expires ?? same?.expires;
      if (end !== undefined) about.expires = { at: end };
      if (same && kind === 'write-once' && !this.#livesLonger(to, same, end)) return undefined;
      return recordOf({ digest, digests, size }, about, end);
    };
    const ready = () => share.tier.keep({ digest, size, path: staging });
    return this.#names.change(to, share, { make, ready, here: () => here(about) });
  }

  async copy(
    to: Name,
    kind: BucketKind,
    { from, size, check }: { from: NewRef; size: number; check: CheckCopy },
    here: () => Promise<PutOutcome>,
  ): Promise<PutOutcome> {
    const share = this.#shareOf(to);
    const { digest, digests, fields, modified } = from;
    const path = this.#parts.store.pathOf(digest);
    const mediaType = await typeOf(to.name, saidOf(from), path, size);
    const end = from.expires && endBy(from.expires, Date.now());
    const make = (current: Descriptor | undefined, last: TierRecord | undefined): NewRecord | undefined => {
      check(current, last !== undefined && current?.digest !== digest);
      const said = saidOf(from);
      if (current) checkTaken(current, kind, { digest, ...said });
      else checkLast(last, kind, digest);
      const same = current?.digest === digest ? current : undefined;
      const its = end ?? same?.expires;
      if (same && kind === 'write-once' && !this.#livesLonger(to, same, its)) return undefined;
      return recordOf({ digest, digests, size }, { mediaType, fields: fields ?? {}, modified }, its);
    };
    const ready = () => share.tier.keep({ digest, size, path });
    return this.#names.change(to, share, { make, ready, here });
  }

  /** Rejects with `not-found` when there is nothing to delete. */
  async delete(at: Name, conditions: Conditions): Promise<void> {
    const make = (current: Descriptor | undefined): NewRecord => {
      checkConditions(conditions, current);
      if (!current) throw new SealgateError('not-found');
      return { deleted: true, last: current.digest };
    };
    const here = () => this.#parts.store.deleteRef(at.bucket, at.name);
    await this.#names.change(at, this.#shareOf(at), { make, here });
  }

  /** Throws `sharing-refused`. */
  refuseSwitch(bucket: string): void {
    if (this.has(bucket))
      throw new SealgateError(
        'sharing-refused',
        'Many names at once cannot change in a bucket that several servers share; change one after another.',
      );
  }

  /** Whether the same bytes are to stay longer than those that are there. */
  #livesLonger({ bucket }: Name, { expires = forEver }: Descriptor, end = forEver): boolean {
    return end > expires || this.#parts.store.bucket(bucket)?.ttl !== undefined;
  }

  #shareOf({ bucket }: Name): Share {
    const share = this.#names.share(bucket);
    if (share) return share;
    throw new Error(`the bucket ${bucket} is not shared`);
  }
}

const forEver = Number.POSITIVE_INFINITY;

/** A write-once name that was deleted, or has ended, takes what it had alone. Throws `name-taken`. */
function checkLast(last: TierRecord | undefined, kind: BucketKind, digest: string): void {
  if (kind !== 'write-once' || !last) return;
  if ((isDeleted(last) ? last.last : last.digest) !== digest) throw new SealgateError('name-taken');
}

function recordOf(
  { digest, digests, size }: { digest: string; digests?: NewRef['digests']; size: number },
  { mediaType = 'application/octet-stream', fields = {}, modified }: About,
  expires: number | undefined,
): NewRecord {
  return {
    ...{ digest, size, mediaType },
    ...(digests && { digests }),
    ...(Object.keys(fields).length > 0 && { fields }),
    ...(modified !== undefined && { modified }),
    ...(expires !== undefined && { expires }),
  };
}
