// COPY /o/{bucket}/{name…} and COPY /sha256/{hex} with Destination: /o/{bucket}/{name…} (RFC 4918 9.8):
// another name for bytes that are stored. No byte is copied. The name gets the source's media type and time.
// Conditions are on the destination, as those of PUT are on the name it writes: to copy just the bytes that
// were seen, COPY by digest.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import type { RespondPlan } from '../../native/addon.ts';
import type { NewRef } from '../../store/store.ts';
import { destination, type Name } from './destination.ts';
import { checkPreconditions } from './preconditions.ts';
import type { Route, Services } from './services.ts';
import { digestTarget, objectPath, objectTarget } from './target.ts';
import { stored } from './upload.ts';

export function copyObject(services: Services): Route {
  return (request) => {
    const { bucket, name } = objectTarget(request.path);
    services.authorize(request, 'read', bucket);
    const to = destination(services, request);
    if (services.store.bucket(bucket) === undefined) throw new SealgateError('bucket-unknown');
    const from = services.store.resolve(bucket, name);
    if (from === undefined) throw new SealgateError('not-found');
    if (from.deleted) throw new SealgateError('name-deleted');
    const { digest, mediaType, modified } = from;
    return place(services, request, { digest, mediaType, modified }, to);
  };
}

export function copyDigest(services: Services): Route {
  return (request) => {
    const digest = digestTarget(request.path);
    services.authorize(request, 'read');
    const to = destination(services, request);
    return place(services, request, { digest }, to);
  };
}

async function place(
  { store, epochs, turns }: Services,
  request: EngineRequest,
  from: NewRef,
  { bucket, name }: Name,
): Promise<RespondPlan> {
  const overwrite = mayOverwrite(request);
  return turns.take(`${bucket}/${name}`, async () => {
    const { digest } = from;
    const current = store.resolve(bucket, name);
    const there = current?.deleted === false ? current : undefined;
    if (there && !overwrite)
      throw new SealgateError('precondition-failed', 'The destination exists, and Overwrite is F.');
    checkPreconditions(request.headers, there);
    const { size } = await store.recorded(digest);
    const outcome = await store.putRef(bucket, name, from);
    const recorded = store.resolve(bucket, name);
    if (outcome === 'replaced') epochs.bump(bucket);
    const about = {
      ...{ bucket, name, digest, size, outcome },
      ...(recorded?.deleted === false && { mediaType: recorded.mediaType }),
    };
    return stored(outcome === 'created', objectPath(bucket, name), about);
  });
}

// RFC 4918 10.6. A value that cannot be read may have been meant to guard what is there.
function mayOverwrite({ headers }: EngineRequest): boolean {
  const given = headers.get('overwrite') ?? 'T';
  if (/^[TF]$/i.test(given)) return given.toUpperCase() === 'T';
  throw new SealgateError('field-refused', 'Overwrite is T or F.');
}
