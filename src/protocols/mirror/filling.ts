// Filling: an object of a mirror is fetched, kept, and known to be fresh; once for all who ask meanwhile.

import { rm } from 'node:fs/promises';
import { hasCode, SealgateError } from '../../errors.ts';
import { addon, type Hashed } from '../../native/addon.ts';
import { keyOf } from '../../objects/found.ts';
import type { GrowingUpload } from '../../objects/growing_uploads.ts';
import type { Name } from '../../objects/objects.ts';
import { type Receiving, receiving } from '../../objects/receiving.ts';
import type { PutRequest, Stored } from '../../objects/requests.ts';
import { encodedPath } from '../../redirects.ts';
import type { Descriptor } from '../../store/store.ts';
import type { Fetched, Offer, Taking } from '../../upstream/fetching.ts';
import type { Flight, Landed } from '../../upstream/flights.ts';
import { notedFields, validatorsOf } from '../../upstream/keeping.ts';
import type { Upstream, Wanted } from '../../upstream/upstream.ts';
import type { Promises } from '../objects/digest_fields.ts';
import type { Mirror, Ruled } from './mirror.ts';
import { failure, freshFor, isDenied, promisedBy, timeOf, typeOf, unusable } from './offered.ts';

export interface Missing {
  at: Name;
  /** What is asked of an upstream: the name without the mirror's prefix. */
  name: string;
  rule: Ruled | undefined;
  source?: Source | undefined;
  /** What the name points at now; undefined: nothing. */
  current: Descriptor | undefined;
  /** Decides about bytes that have come; until then nobody gets any of them. */
  check?: Check | undefined;
  locate?: Locate | undefined;
  /** What it is whatever the upstream says. */
  mediaType?: string | undefined;
}

/** Where an upstream has it, if not where its name says; which types, and the most bytes that are taken. */
export type Source = Partial<Pick<Wanted, 'path' | 'url' | 'accept' | 'maxBytes' | 'repository'>>;

/**
 * Asks an upstream before the object is fetched from it. kept: what the name points at now is what it has;
 * fetch: the object itself has to be asked for. Throws as a fetch does.
 */
export type Locate = (upstream: Upstream) => Promise<'kept' | 'absent' | 'fetch'>;

/** False: what there is stays, and is fresh. Throws when what has come, a whole file, is not to be used. */
export type Check = (come: Come) => Promise<boolean>;

interface Come {
  file: string;
  digest: string;
  size: number;
  /** As the upstream says it; undefined: it says none. */
  mediaType: string | undefined;
}

/** Milliseconds after which an object is asked for again that could not be, if there is an older one. */
const retryMs = 5000;

/** The fetch of an object: one that is under way, or a new one. */
export function fill(mirror: Mirror, missing: Missing): Flight {
  const key = flightOf(mirror, missing.at);
  return mirror.shared.flights.join(key, async (begins) => {
    mirror.shared.heads.forget(key);
    const { leave } = mirror.shared.space.enter(missing.at);
    return await inOrder(mirror, missing, mirror.upstreams(), begins).finally(leave);
  });
}

/** What fetches of an object have in common. */
export function flightOf(mirror: Mirror, at: Name): string {
  const names = mirror.upstreams().map(({ name }) => name);
  return `${names.join(' ')} ${keyOf(at)}`;
}

// The next upstream is asked only for what the one before does not have. Where that is not known nobody else
// is, who might have other bytes under the name.
async function inOrder(
  mirror: Mirror,
  missing: Missing,
  upstreams: readonly Upstream[],
  begins: (upload: GrowingUpload) => void,
): Promise<Landed> {
  try {
    for (const upstream of upstreams) {
      const filling = new Filling(mirror, missing, upstream, begins);
      const landed = await filling.run();
      if (landed !== 'absent') return { kind: landed };
    }
  } catch (error) {
    return failed(mirror, missing.at, error);
  }
  return absent(mirror, missing.at);
}

/** No upstream has it, and none is asked for a while. */
export function absent({ freshness, settings }: Mirror, at: Name): { kind: 'absent' } {
  freshness.miss(keyOf(at), Date.now() + settings.negativeSeconds * 1000);
  return { kind: 'absent' };
}

/** It could not be asked for; what there is of it is sent for a while. */
export function failed({ freshness, services }: Mirror, at: Name, error: unknown): FailedLanding {
  freshness.fail(keyOf(at), Date.now() + retryMs);
  const isOurs = error instanceof SealgateError;
  if (!isOurs || error.code === 'upstream-unusable')
    services.log.error({ err: error, ...at }, 'an object of a mirror was not kept');
  return { kind: 'failed', error };
}

type FailedLanding = Extract<Landed, { kind: 'failed' }>;

type Ended = Exclude<Landed['kind'], 'failed'>;

class Filling {
  readonly #mirror: Mirror;
  readonly #missing: Missing;
  readonly #upstream: Upstream;
  readonly #begins: (upload: GrowingUpload) => void;
  #receiving: Receiving<Stored | undefined> | undefined;
  #upload: GrowingUpload | undefined;
  /** Seconds for which what is fetched is fresh. */
  #seconds = 0;
  #mediaType: string | undefined;

  constructor(mirror: Mirror, missing: Missing, upstream: Upstream, begins: (upload: GrowingUpload) => void) {
    this.#mirror = mirror;
    this.#missing = missing;
    this.#upstream = upstream;
    this.#begins = begins;
  }

  async run(): Promise<Ended> {
    const { name, rule, source, current, at, locate } = this.#missing;
    try {
      const located = await locate?.(this.#upstream);
      if (located === 'absent') return 'absent';
      if (located === 'kept') {
        this.#mirror.freshness.keep(keyOf(at), Date.now() + (rule?.freshSeconds ?? 0) * 1000);
        return 'not-modified';
      }
      const fetched = await this.#upstream.fetch({
        path: encodedPath(name),
        ...source,
        validators: current && validatorsOf(this.#upstream.name, current.fields),
        provable: rule?.sha256 !== undefined || rule?.digests !== undefined,
        take: (offer) => this.#take(offer),
        signal: this.#mirror.shared.signal,
      });
      return await this.#land(fetched);
    } catch (error) {
      this.#upload?.file.fail();
      if (this.#receiving) await rm(this.#receiving.staging, { force: true });
      throw error;
    }
  }

  async #take(offer: Offer): Promise<Taking> {
    const { rule, check } = this.#missing;
    this.#seconds = freshFor(rule, offer);
    const mediaType = this.#missing.mediaType ?? typeOf(offer);
    this.#mediaType = mediaType;
    const fields = notedFields(this.#upstream.name, offer);
    const { digest, digests } = promisedBy(offer);
    if (rule?.sha256 !== undefined && digest !== undefined && digest !== rule.sha256)
      throw unusable(`The upstream says that it has SHA-256 ${digest}, and the name says ${rule.sha256}.`);
    const isKept = await this.#hasRoom(offer);
    const further = { ...digests, ...rule?.digests };
    const promised = {
      digest: rule?.sha256 ?? digest,
      ...((digests || rule?.digests) && { digests: further }),
    };
    const about = { mediaType, fields, modified: timeOf(offer), size: offer.size };
    const kept = isKept ? this.#keeping({ ...promised, ...about }) : undefined;
    const receiving = kept ?? this.#passing(promised);
    if (offer.size !== undefined && offer.size > receiving.maxSize)
      throw unusable(`The object has ${offer.size} bytes, and ${receiving.maxSize} are the most here.`);
    // Readers may be there before the thread that writes it says the length.
    const file = addon.growingFile(offer.size);
    this.#receiving = receiving;
    const type = mediaType ?? 'application/octet-stream';
    this.#upload = { file, mediaType: type, fields, ...(kept === undefined && { isPassing: true }) };
    if (!check) this.#begins(this.#upload);
    return { staging: receiving.staging, digests: receiving.digests, growing: file.share() };
  }

  /** Whether it can be kept. Throws `store-full` where it cannot even be passed on. */
  async #hasRoom({ size }: Offer): Promise<boolean> {
    const { at, check } = this.#missing;
    const room = await this.#mirror.shared.space.room(at, size);
    // What is decided about when it is whole is read from where it is kept.
    if (room === 'none' || (room === 'passed' && check))
      throw new SealgateError('store-full', 'There is no room for it, and nothing is left to be evicted.');
    return room === 'kept';
  }

  /** Undefined: the bucket has no room. */
  #keeping(asked: Omit<PutRequest, 'conditions'>): Receiving<Stored> | undefined {
    const { services, shared } = this.#mirror;
    const conditions = { ifMatch: undefined, ifNoneMatch: undefined, ifUnmodifiedSince: undefined };
    try {
      return services.objects.put(this.#missing.at, { conditions, ...asked });
    } catch (error) {
      if (!hasCode(error, 'quota-reached') || this.#missing.check) throw error;
      shared.space.passed(this.#missing.at);
      return undefined;
    }
  }

  /** Bytes for those who read them now. */
  #passing(promised: Partial<Promises>): Receiving<undefined> {
    const { objects } = this.#mirror.services;
    const { staging, maxSize } = objects.receive(objects.mostBytes(), async () => {});
    return receiving({ staging, maxSize }, promised, async () => void (await rm(staging, { force: true })));
  }

  async #land(fetched: Fetched): Promise<Ended> {
    const { freshness } = this.#mirror;
    const { at, current } = this.#missing;
    const key = keyOf(at);
    if (isDenied(fetched, this.#upstream.name, current)) return 'absent';
    switch (fetched.kind) {
      case 'absent':
        return 'absent';
      case 'not-modified':
        freshness.keep(key, Date.now() + freshFor(this.#missing.rule, fetched.head) * 1000);
        return 'not-modified';
      case 'described':
      case 'failed':
        throw failure(fetched);
      case 'whole':
        if (!(await this.#isTaken(fetched.body))) {
          freshness.keep(key, Date.now() + this.#seconds * 1000);
          return 'not-modified';
        }
        if (!(await this.#store(fetched.body))) {
          this.#upload?.file.finish();
          return 'passed';
        }
        freshness.keep(key, Date.now() + this.#seconds * 1000);
        // Readers that come now find the object.
        this.#upload?.file.finish();
        return 'stored';
    }
  }

  async #isTaken({ digest, size }: Hashed): Promise<boolean> {
    const { check } = this.#missing;
    const { staging: file = '' } = this.#receiving ?? {};
    if (!check || (await check({ file, digest, size, mediaType: this.#mediaType }))) return true;
    this.#upload?.file.fail();
    await rm(file, { force: true });
    return false;
  }

  /** False: the bytes are right, and there was no room to keep them. */
  async #store(body: Hashed): Promise<boolean> {
    const { space } = this.#mirror.shared;
    const { at, check } = this.#missing;
    try {
      const stored = await this.#receiving?.commit(body);
      if (stored) space.stored(at, stored.outcome === 'replaced');
      return stored !== undefined;
    } catch (error) {
      if (hasCode(error, 'digest-mismatch')) this.#upstream.mismatched();
      for (const code of ['digest-mismatch', 'name-taken'] as const)
        if (hasCode(error, code)) throw unusable(error.message);
      const isFull = hasCode(error, 'quota-reached') || hasCode(error, 'store-full');
      if (!isFull || check) throw error;
      space.passed(at);
      return false;
    }
  }
}
