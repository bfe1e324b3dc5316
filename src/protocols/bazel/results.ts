// GET|HEAD and PUT of action results. One is served while all that it names is there, and its blobs are
// evicted after it; the newest counts.

import { rm } from 'node:fs/promises';
import { receive, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Hashed, RespondPlan } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { Found, Name } from '../../objects/objects.ts';
import type { Receiving } from '../../objects/receiving.ts';
import type { Stored } from '../../objects/requests.ts';
import { content } from '../../sites/content.ts';
import { MessageError, mostBytes } from '../../upstream/builds/messages.ts';
import { bodyLength, planUntil } from './blobs.ts';
import { type Cache, type CacheRoute, nameOf } from './cache.ts';
import { type Complete, Completeness } from './completeness.ts';
import { IncompleteError } from './refusals.ts';
import { makeRoom } from './room.ts';

const mediaType = 'application/octet-stream';

export class Results {
  readonly #cache: Cache;
  readonly #completeness: Completeness;

  constructor(cache: Cache) {
    this.#cache = cache;
    this.#completeness = new Completeness(cache);
  }

  readonly read: CacheRoute = async (request, entry) => {
    const { services, bucket, totals } = this.#cache;
    const grant = services.authorize(request, 'read', bucket);
    const at = nameOf(this.#cache, entry);
    // Its epoch is of before the look: once anything is evicted after that, the plan is stale.
    const found = await services.objects.get(at);
    const complete = await this.#complete(found, at);
    if (complete === undefined) throw new IncompleteError();
    totals.count('result', 'hit');
    return content(services, request, found, {
      contentType: mediaType,
      freshness: 'revalidate',
      grant,
      created: found.ref.date,
      cache: found.epoch,
      planUntil: planUntil(complete),
    });
  };

  /** When the first of its blobs ends, milliseconds since the epoch; undefined: not all of it is there. */
  async #complete({ ref }: Found, at: Name): Promise<number | undefined> {
    const look = async () => {
      const found = await this.#completeness.of(ref);
      if ('hash' in found) return undefined;
      await this.#cache.space.usedWith(at, this.#completeness.names(found));
      return found.expires;
    };
    try {
      return await this.#completeness.inTurn(ref, look);
    } catch (error) {
      // A tree that cannot be read, or something else that was stored under the name, as an object.
      if (error instanceof MessageError) return undefined;
      throw error;
    }
  }

  readonly put: CacheRoute = async (request, entry) => {
    const { services, bucket } = this.#cache;
    services.authorize(request, 'write', bucket);
    services.objects.bucket(bucket);
    const size = bodyLength(request);
    if ((size ?? 0) > mostBytes.result)
      throw new SealgateError('body-too-large', `An action result has up to ${mostBytes.result} bytes.`);
    const at = nameOf(this.#cache, entry);
    const conditions = conditionsOf(request.headers);
    await makeRoom(this.#cache, at, size);
    const body = services.objects.put(at, { conditions, mediaType, size });
    const commit = (whole: Hashed) => this.#commit(at, body, whole);
    return receive({ ...body, maxSize: mostBytes.result, commit }, (answer) => answer);
  };

  async #commit(at: Name, body: Receiving<Stored>, whole: Hashed): Promise<RespondPlan> {
    const { staging: file } = body;
    try {
      if (whole.size === 0) throw new MessageError('The action result is empty.');
      return await this.#completeness.inTurn({ ...whole, file }, () => this.#store(at, body, whole));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  }

  async #store(at: Name, body: Receiving<Stored>, whole: Hashed): Promise<RespondPlan> {
    const complete = await this.#checked(body.staging, whole.size);
    const { outcome, size } = await body.commit(whole);
    const { space, totals } = this.#cache;
    totals.count('result', outcome === 'same' ? 'known' : 'stored');
    if (outcome !== 'same') totals.storedBytes += size;
    space.stored(at, outcome === 'replaced');
    if (complete) await space.usedWith(at, this.#completeness.names(complete), true);
    return respond(outcome === 'created' ? 201 : 200);
  }

  /** Rejects with MessageError. @returns undefined: not all that it names is there. */
  async #checked(staging: string, size: number): Promise<Complete | undefined> {
    const found = await this.#completeness.ofFile(staging, size);
    if (!('hash' in found)) return found;
    if (found.found === undefined) return undefined;
    throw new MessageError(
      `The action result says that ${found.hash} has ${found.size} bytes, and it has ${found.found}.`,
    );
  }
}
