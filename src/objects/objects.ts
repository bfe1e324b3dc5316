// Objects: the one way from a protocol to the store. It holds the order in which a change is made: under the
// lock of the name, the conditions, the bytes, the name, and then the epoch, which makes kept plans stale.

import { setImmediate } from 'node:timers/promises';
import type { DigestName, Digests } from '../digest.ts';
import { hasCode, SealgateError } from '../errors.ts';
import { KeyedLock } from '../keyed_lock.ts';
import type { Conditions, Hashed, SealBreak } from '../native/addon.ts';
import { checkedFields, type ObjectFields } from '../object_fields.ts';
import type { SealFloor } from '../seal_policy.ts';
import type { Collected, Round } from '../store/collection.ts';
import type {
  About,
  Bucket,
  BucketKind,
  Descriptor,
  FirstRead,
  Listing,
  NameChange,
  NewRef,
  Page,
  PutOutcome,
  SettingsChange,
  Store,
  VersionPage,
  Versions,
} from '../store/store.ts';
import { checkConditions, checkCopy } from './conditions.ts';
import type { Epochs } from './epochs.ts';
import { type Found, type FoundBlob, intactDigest, keyOf, type Name } from './found.ts';
import type { GrowingUpload } from './growing_uploads.ts';
import { olderVersion } from './older_version.ts';
import { type Promised, type Receiving, receiving, receivingToRead } from './receiving.ts';
import type { CopyRequest, PutRequest, Stored } from './requests.ts';
import { checkRoom } from './room.ts';
import { SharedChanges, type Sharing } from './shared_changes.ts';
import { findsBytes, type May, present } from './sources.ts';
import { type Switched, Switches } from './switches.ts';
import { checkTaken } from './taken.ts';

export type { Found, FoundBlob, Name };

export interface ObjectsOptions {
  store: Store;
  epochs: Epochs;
  /** What the first read of a blob takes, by bucket; without one where bytes are asked for by digest. */
  firstRead(bucket?: string): FirstRead;
  /** The seal that delivering takes, by bucket; absent: what sendfile takes anyway. */
  floor?(bucket?: string): SealFloor | undefined;
  /** Bytes. */
  maxObjectBytes: number;
  sharing?: Sharing | undefined; // absent: no bucket is shared with other servers
}

/** All listings run one after another under this key, which no name has. */
const listings = 'listings';

export class Objects {
  readonly #options: ObjectsOptions;
  readonly #locks = new KeyedLock(); // by bucket and name
  readonly #switches: Switches;
  readonly pathOf = (digest: string) => this.#options.store.pathOf(digest); // see store.ts
  readonly present = (at: Name) => present(this.#options.store, at); // see sources.ts
  readonly #shared: SharedChanges | undefined;
  readonly mostBytes = () => this.#options.maxObjectBytes; // of an object

  constructor(options: ObjectsOptions) {
    this.#options = options;
    const { store, epochs, sharing } = options;
    const locked = <T>(at: Name, change: () => Promise<T>) => this.locked(at, change);
    this.#shared = sharing && new SharedChanges({ store, epochs, sharing, locked });
    const list = (bucket: string, page: Page) => this.list(bucket, page);
    this.#switches = new Switches({ store, epochs, locked, list });
  }

  /** Throws `bucket-unknown`. */
  bucket(name: string): Pick<Bucket, 'kind' | 'digests' | 'keep'> {
    const bucket = this.#options.store.bucket(name);
    if (bucket) return bucket;
    throw new SealgateError('bucket-unknown', `There is no bucket ${name}.`);
  }

  /** See store.ts. Kept plans say how long clients may keep what they got, which the kind decides. */
  setBucket(name: string, change: SettingsChange): Promise<void> {
    return this.#options.store.setBucket(name, change).then(() => this.#options.epochs.bump(name));
  }

  /** What a name points at. Rejects with `bucket-unknown`, `not-found` or `name-deleted`. */
  async head(at: Name): Promise<Descriptor> {
    await this.#shared?.look(at);
    await this.#switches.idle(at.bucket);
    return this.#head(at);
  }

  #head({ bucket, name }: Name): Descriptor {
    this.bucket(bucket);
    const ref = this.#options.store.resolve(bucket, name);
    if (ref === undefined) throw new SealgateError('not-found');
    if (ref.deleted) throw new SealgateError('name-deleted');
    return ref;
  }

  /** See older_version.ts. Rejects with `bucket-unknown` as well. */
  async headVersion(at: Name, version: number): Promise<Descriptor> {
    await this.#switches.idle(at.bucket);
    this.bucket(at.bucket);
    return olderVersion(this.#options.store, at, version);
  }

  /** The result of head, with what the engine seals the bytes by. */
  async get(at: Name): Promise<Found> {
    return this.#found(at, await this.#shared?.look(at));
  }

  /** As get. In a shared bucket also what is on its way from the others. */
  async getOrGrowing(at: Name): Promise<Found | GrowingUpload> {
    const shared = await this.#shared?.arriving(at);
    return shared?.upload ?? this.#found(at, shared);
  }

  async #found(at: Name, shared: Pick<Found, 'freshUntil'> = {}): Promise<Found> {
    await this.#switches.idle(at.bucket);
    // Read before the name is: what is found afterwards is at least as new.
    const epoch = this.#options.epochs.ofBucket(at.bucket);
    const ref = this.#head(at);
    const { kind } = this.bucket(at.bucket);
    return { ref, kind, at, ...this.#blob(ref.digest, at.bucket), epoch, expires: ref.expires, ...shared };
  }

  /** What a name points at, where it is a matter of taste; undefined, too, for what is in quarantine. */
  readonly digestOf = (at: Name): string | undefined => intactDigest(this.#options.store, this.#current(at));

  /** Bytes by what they are. Throws what `recorded` of the store does. */
  getBlob(digest: string): FoundBlob {
    return { epoch: this.#options.epochs.ofDigests(), ...this.#blob(digest) };
  }

  #blob(digest: string, bucket?: string): Omit<FoundBlob, 'epoch'> {
    const { store, firstRead } = this.#options;
    const floor = this.#options.floor?.(bucket);
    const blob = store.recorded(digest, firstRead(bucket));
    if (!(blob instanceof Promise)) return { blob, recorded: blob, floor };
    const recorded = store.blob(digest);
    return { blob, recorded: recorded && { digest, ...recorded }, floor };
  }

  /**
   * To receive what a name is to point at. Throws, and rejects the commit with, `bucket-unknown`,
   * `precondition-failed`, `quota-reached` and `digest-mismatch`, and what checkTaken throws. Throws what
   * checkedFields does. @param kept where the body is, if whoever received it keeps it when it is refused.
   */
  put(to: Name, asked: PutRequest, kept?: string): Receiving<Stored> {
    const { kind, digests } = this.bucket(to.bucket);
    const request = { ...asked, fields: asked.fields && checkedFields(asked.fields) };
    // Before the body is received, to spare it, and once more before it is committed, when it counts.
    const current = this.#shared?.has(to.bucket) ? undefined : this.#checkWritable(to, kind, request);
    checkRoom(this.#options.store, to.bucket, request.size, current);
    return this.#receiving({ ...request, wanted: digests, ...(kept && { kept }) }, (staging, body) =>
      this.locked(to, async () => {
        const { mediaType, fields, modified, expires } = request;
        const arrived = { staging, ...body, isKept: kept !== undefined };
        // The kind anew: it may be another since the body began to come.
        const its = this.bucket(to.bucket).kind;
        const here = (about: About) => this.#options.store.putObject(to.bucket, to.name, arrived, about);
        const shared =
          this.#shared?.has(to.bucket) && this.#shared.put(to, its, { ...request, arrived }, here);
        if (!shared) this.#checkWritable(to, its, { ...request, digest: body.digest });
        const put = shared || here({ mediaType, fields, modified, expires });
        return this.#stored(to, await put, body, mediaType);
      }),
    );
  }

  /** To receive a body that is not kept. @param maxSize bytes. @param read reads the staging file. */
  receive<T>(maxSize: number, read: (staging: string) => Promise<T>): Receiving<T> {
    return receivingToRead({ staging: this.#options.store.stagingPath(), maxSize }, read);
  }

  /** To receive bytes without a name. Throws, and rejects the commit, as put does. */
  putBlob(
    digest: string,
    conditions: Conditions,
    digests?: Digests,
  ): Receiving<{ created: boolean; size: number }> {
    const { store } = this.#options;
    const blob = store.blob(digest);
    checkConditions(conditions, blob && { digest, date: blob.created });
    return this.#receiving({ digest, digests }, async (staging, body) => {
      const created = store.blob(digest) === undefined;
      await store.commitBlob(staging, body);
      return { created, size: body.size };
    });
  }

  /** Another name for bytes that are stored. Conditions are on what the new name points at. */
  copy(from: NewRef, to: Name, asked: CopyRequest): Promise<Stored> {
    this.bucket(to.bucket);
    return this.locked(to, async () => {
      const { store } = this.#options;
      const check = (there: Descriptor | undefined, hasOther = false) =>
        checkCopy(store, from, to, asked, { there, hasOther });
      const { size } = await store.recorded(from.digest);
      const here = () => store.putRef(to.bucket, to.name, from);
      const { kind } = this.bucket(to.bucket);
      const shared = this.#shared?.has(to.bucket) && this.#shared.copy(to, kind, { from, size, check }, here);
      if (!shared) check(this.#current(to));
      const outcome = await (shared || here());
      return this.#stored(to, outcome, { digest: from.digest, size }, from.mediaType);
    });
  }

  /** A tombstone becomes the newest version, unless `check` throws. Rejects with `not-found` without one. */
  async delete(at: Name, conditions: Conditions, check?: () => void): Promise<void> {
    const { store, epochs } = this.#options;
    this.bucket(at.bucket);
    await this.locked(at, async () => {
      check?.();
      if (this.#shared?.has(at.bucket)) await this.#shared.delete(at, conditions);
      else {
        checkConditions(conditions, this.#current(at));
        if (!(await store.deleteRef(at.bucket, at.name))) throw new SealgateError('not-found');
      }
      epochs.bump(at.bucket);
    });
  }

  /** See store.ts. A page takes milliseconds of the thread that answers everybody: others go between two. */
  list(bucket: string, page: Page): Promise<Listing> {
    return this.#listed(bucket, () => this.#options.store.list(bucket, page));
  }

  /** See store.ts. */
  versions(bucket: string, page: VersionPage): Promise<Versions> {
    return this.#listed(bucket, () => this.#options.store.versions(bucket, page));
  }

  #listed<T>(bucket: string, page: () => T): Promise<T> {
    return this.#locks.run(listings, async () => {
      await setImmediate();
      await this.#switches.idle(bucket);
      return page();
    });
  }

  /** See sources.ts. */
  findsBytes(digest: string, bucket: string, may: May): boolean {
    return findsBytes(this.#options.store, digest, bucket, may);
  }

  /** See switches.ts. */
  switchNames(
    bucket: string,
    changes: readonly NameChange[],
    replaces: string | undefined,
  ): Promise<Switched[]> {
    this.bucket(bucket);
    this.#shared?.refuseSwitch(bucket);
    return this.#switches.make(bucket, changes, replaces);
  }

  /** The engine or the sentinel doubts a blob: it is proved anew, and withdrawn when it fails. */
  async prove(digest: string, found: SealBreak): Promise<void> {
    try {
      await this.#options.store.prove(digest, found);
    } catch (error) {
      if (!hasCode(error, 'store-read-failed')) this.#options.epochs.bumpAll();
      throw error;
    }
  }

  /**
   * The scrubber found other bytes on the disk: from now on nobody gets the blob before it is proved from
   * there. Rejects as prove does.
   */
  doubt(digest: string): Promise<unknown> {
    const proof = this.#options.store.prove(digest, 'disk');
    // Plans are made anew, and wait for the proof; those made before it began to count are stale as well.
    this.#options.epochs.bumpAll();
    return proof.finally(() => this.#options.epochs.bumpAll());
  }

  /** See store.ts. */
  forget(digest: string, why: string): Promise<boolean> {
    // Half forgotten is not served either.
    return this.#options.store.forget(digest, why).finally(() => this.#options.epochs.bumpAll());
  }

  /**
   * See store.ts. The names that pointed at what is removed have moved before, and their epochs with them.
   * @param dropStalePlans resolves when no worker has the file of a stale plan open.
   */
  collect(round: Round, dropStalePlans: () => Promise<void>): Promise<Collected> {
    const released = async () => {
      this.#options.epochs.bumpDigests();
      await dropStalePlans();
    };
    const changing: Round['changing'] = async (at, change) => {
      const isMade = await this.locked(at, change);
      // Its plans have ended by themselves, unless the clock is set back.
      if (isMade) this.#options.epochs.bump(at.bucket);
      return isMade;
    };
    return this.#options.store.collect({ ...round, changing, released });
  }

  locked<T>(at: Name, change: () => Promise<T>): Promise<T> {
    return this.#locks.run(keyOf(at), change); // one of a name at a time
  }

  #current({ bucket, name }: Name): Descriptor | undefined {
    const ref = this.#options.store.resolve(bucket, name);
    return ref?.deleted === false ? ref : undefined;
  }

  #checkWritable(
    to: Name,
    kind: BucketKind,
    request: PutRequest & { fields: ObjectFields | undefined },
  ): Descriptor | undefined {
    const { conditions, digest } = request;
    const current = this.#current(to);
    checkConditions(conditions, current);
    if (current && digest !== undefined) checkTaken(current, kind, { ...request, digest });
    return current;
  }

  // The epoch moves after the commit and before anybody hears of it.
  #stored(to: Name, outcome: PutOutcome, { digest, size }: Hashed, said: string | undefined): Stored {
    if (outcome === 'replaced' || outcome === 'renewed') this.#options.epochs.bump(to.bucket);
    const recorded = this.#current(to);
    const { fields, modified, digests, expires } = recorded ?? {};
    const mediaType = recorded?.mediaType ?? said;
    const some = { ...(digests && { digests }), ...(expires !== undefined && { expires }) };
    return { outcome, digest, size, mediaType, fields, modified, ...some };
  }

  #receiving<T>(
    { wanted, kept, ...promised }: Promised & { wanted?: readonly DigestName[] | undefined; kept?: string },
    place: (staging: string, body: Hashed) => Promise<T>,
  ): Receiving<T> {
    const { store, maxObjectBytes } = this.#options;
    const at = { staging: kept ?? store.stagingPath(), maxSize: maxObjectBytes, digests: wanted };
    return receiving({ ...at, kept: kept !== undefined }, promised, place);
  }
}
