// SharedNames: names of buckets that several servers share over a tier (upstream/tier.ts). A name is served
// as this server has it for as long as that is fresh; then the tier is asked. A change is made there first,
// on the condition that nobody else changed the name meanwhile, and here when the tier has it.

import { setTimeout as wait } from 'node:timers/promises';
import { SealgateError } from '../errors.ts';
import { setNewest } from '../newest_map.ts';
import type { Descriptor, Store } from '../store/store.ts';
import { endOf } from '../store/time_to_live.ts';
import type { Flights } from '../upstream/flights.ts';
import type { Kept, Tier } from '../upstream/tier.ts';
import { isDeleted, type NewRecord, type TierRecord } from '../upstream/tier_record.ts';
import type { Epochs } from './epochs.ts';
import { keyOf, type Name } from './found.ts';
import type { GrowingUpload } from './growing_uploads.ts';
import { fetchShared } from './shared_blob.ts';
import { aboutOf, descriptorOf } from './shared_record.ts';
import { placeOf, settled } from './shared_settling.ts';

/** Which buckets are shared, and how. */
export interface Sharing {
  /** Undefined: this bucket is not. */
  of(bucket: string): Share | undefined;
  flights: Flights;
  /** Ends what is fetched. */
  signal: AbortSignal;
}

export interface Share {
  tier: Tier;
  /** Milliseconds for which a name is served without asking. */
  freshMs: number;
}

export interface SharedParts {
  store: Store;
  epochs: Epochs;
  sharing: Sharing;
  /** Runs a change when no other change of the name is under way. */
  locked<T>(at: Name, change: () => Promise<T>): Promise<T>;
}

/** What the tier was found to have. */
interface Known {
  /** Undefined: nothing. */
  record: TierRecord | undefined;
  etag: string | undefined;
  /** Until when it is fresh, milliseconds since the epoch. */
  until: number;
}

export interface Looked {
  /** Until when what is here may be served, milliseconds since the epoch; 0: the tier did not answer. */
  until: number;
  /** Why the tier has nothing under the name: there never was something, or its time is over. */
  absent?: 'not-found' | 'name-deleted';
  /** The bytes are on their way. */
  upload?: GrowingUpload;
}

/** The tier is being asked for a name. */
interface Asking {
  /** Resolves when it has answered, or failed. */
  answered: Promise<void>;
  isAnswered: boolean;
  /** As of a flight. */
  began: Promise<GrowingUpload | undefined>;
  landed: Promise<void>;
}

/** Names that are remembered, of some 500 bytes each; what is forgotten is asked for again. */
const mostKnown = 50_000;
/** Milliseconds that a reader waits for the tier to say whether what is here is still right. */
const staleAfterMs = 1000;
/** Milliseconds for which it is not asked again then. */
const failingMs = 1000;
/** How often a change is tried that others come before. */
const mostAttempts = 30;
/** Milliseconds: the longest pause before the second attempt. */
const firstPause = 20;
const longestPause = 500;

/** What is to be written. Throws where the change may not be made. @returns undefined: nothing. */
type Make = (current: Descriptor | undefined, last: TierRecord | undefined) => NewRecord | undefined;

export interface Change<T> {
  make: Make;
  /** Has the tier have the bytes that the record speaks of. */
  ready?(): Promise<Kept>;
  /** Makes the change here, when the tier has it. */
  here(): Promise<T>;
}

export class SharedNames {
  readonly #parts: SharedParts;
  readonly #known = new Map<string, Known>();
  readonly #failing = new Map<string, number>();
  readonly #asking = new Map<string, Asking>();

  constructor(parts: SharedParts) {
    this.#parts = parts;
  }

  share(bucket: string): Share | undefined {
    return this.#parts.sharing.of(bucket);
  }

  /**
   * Sees to it that this server has what the tier has. Undefined: the bucket is not shared. Rejects with
   * `sharing-failed` where nothing is here to be served instead.
   * @param waits whether for all of the bytes; else the upload is told that brings them.
   */
  async look(at: Name, waits: boolean): Promise<Looked | undefined> {
    const share = this.share(at.bucket);
    if (!share) return undefined;
    const key = keyOf(at);
    const known = this.#known.get(key);
    if (known && known.until > Date.now()) return this.#looked(at, known);
    const isHere = this.#isHere(at);
    if (isHere && (this.#failing.get(key) ?? 0) > Date.now()) return stale;
    const asking = this.#asking.get(key) ?? this.#ask(at, share);
    if (isHere) await soon(asking.answered);
    if (isHere && !asking.isAnswered) return this.#fails(key);
    const upload = waits ? undefined : await asking.began;
    if (upload) return { until: 0, upload };
    try {
      await asking.landed;
    } catch (error) {
      if (isHere && this.#isHere(at)) return this.#fails(key);
      throw error;
    }
    return this.#looked(at, this.#known.get(key));
  }

  // The time of a name counts from when it was written, and not from when this server has learned of it.
  #looked({ bucket }: Name, known: Known | undefined): Looked {
    if (!known) return stale;
    const { record, until } = known;
    if (!record) return { until, absent: 'not-found' };
    const end = this.#endOf(bucket, record);
    return end <= Date.now() ? { until, absent: 'name-deleted' } : { until: Math.min(until, end) };
  }

  #endOf(bucket: string, record: TierRecord): number {
    return endOf(record, this.#parts.store.bucket(bucket)?.ttl) ?? Number.POSITIVE_INFINITY;
  }

  #isHere({ bucket, name }: Name): boolean {
    return this.#parts.store.resolve(bucket, name)?.deleted === false;
  }

  #fails(key: string): Looked {
    setNewest(this.#failing, key, Date.now() + failingMs, mostKnown);
    return stale;
  }

  #ask(at: Name, share: Share): Asking {
    const key = keyOf(at);
    let begins: (upload: GrowingUpload | undefined) => void = () => {};
    const began = new Promise<GrowingUpload | undefined>((resolve) => {
      begins = resolve;
    });
    const before = this.#known.get(key);
    const read = this.#read(at, share, before);
    const answered = () => {
      asking.isAnswered = true;
    };
    const landed = read
      .then((found) => this.#arrive(at, share, { found, before }, begins))
      .finally(() => {
        this.#asking.delete(key);
        begins(undefined);
      });
    landed.catch(() => {});
    const asking: Asking = { answered: read.then(answered, answered), isAnswered: false, began, landed };
    this.#asking.set(key, asking);
    return asking;
  }

  /** What the tier has now. It is fresh from when it was asked, not from when it answered. */
  async #read(at: Name, { tier, freshMs }: Share, before?: Known): Promise<Known> {
    const until = Date.now() + freshMs;
    const read = await tier.read(at, before?.record && before.etag);
    if (read === 'absent') return { record: undefined, etag: undefined, until };
    return read === 'same' && before ? { ...before, until } : { ...(read as Known), until };
  }

  async #arrive(
    at: Name,
    share: Share,
    { found, before }: { found: Known; before: Known | undefined },
    begins: (upload: GrowingUpload) => void,
  ): Promise<void> {
    const { store, locked } = this.#parts;
    const key = keyOf(at);
    const { record } = found;
    const isOld = () => {
      const now = this.#known.get(key);
      return now !== undefined && now !== before && versionOf(now) >= versionOf(found);
    };
    if (record && !isDeleted(record) && store.blob(record.digest) === undefined)
      await fetchShared({ ...this.#parts, tier: share.tier }, { at, record, isOld }, begins);
    // Not under the lock, which a change holds for as long as its bytes are on their way.
    if (before && record === before.record && this.#known.get(key) === before) {
      this.#know(key, found);
      return;
    }
    await locked(at, async () => {
      if (isOld()) return;
      if (record !== before?.record) await this.#point(at, record);
      this.#know(key, found);
    });
  }

  /** Has the name here say what the record says. */
  async #point({ bucket, name }: Name, record: TierRecord | undefined): Promise<void> {
    const { store, epochs } = this.#parts;
    if (!record) return;
    if (isDeleted(record)) {
      if (await store.deleteRef(bucket, name)) epochs.bump(bucket);
      return;
    }
    await this.#dropEnd({ bucket, name }, record);
    const { digest, digests } = record;
    const outcome = await store.putRef(bucket, name, { digest, digests, ...aboutOf(record) });
    if (outcome !== 'same') epochs.bump(bucket);
  }

  // The same bytes keep their end where a change says none. The record's are others', which have none.
  async #dropEnd({ bucket, name }: Name, record: TierRecord): Promise<void> {
    const { store } = this.#parts;
    const there = store.resolve(bucket, name);
    if (!there || there.deleted || there.expires === undefined || store.bucket(bucket)?.ttl !== undefined)
      return;
    if (!isDeleted(record) && record.expires === undefined && record.digest === there.digest)
      await store.deleteRef(bucket, name);
  }

  #know(key: string, known: Known): void {
    this.#failing.delete(key);
    setNewest(this.#known, key, known, mostKnown);
  }

  /**
   * Changes a name in the tier, and then here; under the lock of the name. Rejects with what `make` and
   * `here` throw, and with `sharing-failed`: then the change may have been made or not.
   */
  async change<T>(at: Name, share: Share, { make, ready, here }: Change<T>): Promise<T> {
    const key = keyOf(at);
    const stamp = crypto.randomUUID();
    // What is remembered may be old: only what was read now is a reason to refuse, or to do nothing.
    let found = this.#known.get(key);
    let isRead = false;
    // The answer to a write was lost, and the name has got another record: ours may have been in between.
    let isUnsure = false;
    let kept: Kept | undefined;
    const made = async (known: Known) =>
      this.#isMade(at, await settled({ ...share, at, kept, ready }, known), here);
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      await pauseBefore(attempt);
      if (!found || isRead) {
        found = await this.#read(at, share);
        isRead = true;
      }
      // Asked first: conditions were on what was there before.
      if (found.record?.stamp === stamp) return made(found);
      const { wanted, error } = this.#attempt(at, make, found);
      if (!wanted && !isRead) {
        found = undefined;
        continue;
      }
      if (!wanted) this.#known.delete(key);
      if (error !== undefined) throw isUnsure ? unsure(error) : error;
      if (!wanted) return here();
      kept = await ready?.();
      // Until its outcome is known, nothing is known of the name.
      this.#known.delete(key);
      const about = { format: 1 as const, stamp, version: versionOf(found) + 1, created: Date.now() };
      const record: TierRecord = { ...about, ...wanted, ...(kept && placeOf(kept)) };
      const until = Date.now() + share.freshMs;
      const written = await share.tier.write(at, record, found.record && found.etag);
      if ('differs' in written) {
        isRead = true;
        isUnsure ||= written.isUnsure;
        continue;
      }
      return made({ record, etag: written.etag, until });
    }
    throw new SealgateError('sharing-failed', 'Too many others change the name.', { retryAfter: 1 });
  }

  #attempt(
    { bucket }: Name,
    make: Make,
    { record }: Known,
  ): { wanted?: NewRecord | undefined; error?: unknown } {
    const isHeld = record && !isDeleted(record) && this.#endOf(bucket, record) > Date.now();
    try {
      return { wanted: make(isHeld ? descriptorOf(record) : undefined, record) };
    } catch (error) {
      return { error };
    }
  }

  async #isMade<T>(at: Name, known: Known, here: () => Promise<T>): Promise<T> {
    const key = keyOf(at);
    this.#known.delete(key);
    if (known.record) await this.#dropEnd(at, known.record);
    const done = await here();
    this.#know(key, known);
    return done;
  }
}

/** Instead of a refusal, which would say that nothing was changed. */
function unsure(cause: unknown): SealgateError {
  return new SealgateError('sharing-failed', undefined, { retryAfter: 1, cause });
}

async function nothing(): Promise<void> {}

const stale: Looked = { until: 0 };

function versionOf({ record }: Known): number {
  return record?.version ?? 0;
}

async function soon(promise: Promise<void>): Promise<void> {
  const late = new AbortController();
  await Promise.race([promise, wait(staleAfterMs, undefined, { signal: late.signal }).catch(nothing)]);
  late.abort();
}

/** Those who changed the name at the same time do not come again together. */
async function pauseBefore(attempt: number): Promise<void> {
  if (attempt === 0) return;
  const [spread = 0] = crypto.getRandomValues(new Uint8Array(1));
  await wait((Math.min(firstPause * 2 ** (attempt - 1), longestPause) * spread) / 256);
}
