// GET|HEAD and PUT of blobs: bytes that the path itself promises.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, readBody, receive, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import { content } from '../../sites/content.ts';
import { useInterval } from '../../upstream/mirror_space.ts';
import { type Cache, type CacheRoute, nameOf } from './cache.ts';
import { makeRoom } from './room.ts';

const emptyBlob = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const mediaType = 'application/octet-stream';
/** Bytes of a body that is known and read into memory: no file is made for it. */
const smallBody = 128 * 1024;

export function readBlob(cache: Cache): CacheRoute {
  const { services, space, bucket, totals } = cache;
  return async (request, entry) => {
    const grant = services.authorize(request, 'read', bucket);
    // Bazel may ask for it though nobody has stored it.
    if (entry.hex === emptyBlob) return respond(200, [['Content-Type', mediaType]]);
    const at = nameOf(cache, entry);
    const found = await services.objects.get(at);
    // Somebody has stored other bytes under the name, as an object.
    if (found.ref.digest !== entry.hex) throw new SealgateError('not-found');
    space.used(at);
    totals.count('blob', 'hit');
    return content(services, request, found, {
      contentType: mediaType,
      digests: found.ref.digests,
      freshness: 'immutable',
      grant,
      created: found.ref.date,
      cache: found.epoch,
      planUntil: planUntil(),
    });
  };
}

/** Plans are made anew once in a while, so that it is known what is used. */
export function planUntil(expires = Number.POSITIVE_INFINITY): number {
  return Math.floor(Math.min(Date.now() + useInterval, expires) / 1000);
}

export function putBlob(cache: Cache): CacheRoute {
  const { services, space, bucket, totals } = cache;
  return async (request, entry): Promise<Answer> => {
    services.authorize(request, 'write', bucket);
    services.objects.bucket(bucket);
    const at = nameOf(cache, entry);
    const size = bodyLength(request);
    const known = () => {
      totals.count('blob', 'known');
      return respond(200);
    };
    if (entry.hex === emptyBlob && size === 0) return readBody(1, known);
    const conditions = conditionsOf(request.headers);
    const isThere = services.objects.present(at)?.digest === entry.hex;
    const isAsked = Object.values(conditions).some((each) => each !== undefined);
    if (isThere && !isAsked && size !== undefined && size <= smallBody) {
      space.used(at);
      // The bytes are here, so that these are not looked at.
      return readBody(Math.max(size, 1), known);
    }
    await makeRoom(cache, at, size);
    const put = { conditions, mediaType, digest: entry.hex, size };
    return receive(services.objects.put(at, put), ({ outcome, size: bytes }) => {
      space.stored(at, false);
      if (outcome === 'same') return known();
      totals.count('blob', 'stored');
      totals.storedBytes += bytes;
      return respond(201);
    });
  };
}

/** Bytes of a body; undefined: it comes in chunks. Throws `length-required` without one. */
export function bodyLength({ framed, headers }: EngineRequest): number | undefined {
  if (!framed) throw new SealgateError('length-required');
  if (headers.get('content-range') !== null) throw new SealgateError('partial-put-refused');
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity')
    throw new SealgateError('coding-refused', 'Blobs are sent as they are, without Content-Encoding.');
  const length = headers.get('content-length');
  return length === null ? undefined : Number(length);
}
