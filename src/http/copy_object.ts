// COPY /o/{bucket}/{name…} and COPY /sha256/{hex} with Destination: /o/{bucket}/{name…} (RFC 4918 9.8):
// another name for bytes that are stored. No byte is copied.

import type { EngineRequest } from '../delivery/engine_request.ts';
import { SealgateError } from '../errors.ts';
import type { RespondPlan } from '../native/addon.ts';
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
    return place(services, request, from, to);
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

interface Name {
  bucket: string;
  name: string;
}

function destination({ authorize, store }: Services, request: EngineRequest): Name {
  const given = request.headers.get('destination') ?? '';
  // An absolute URL of this server, or its path.
  const path = given.replace(/^https?:\/\/[^/]*/, '');
  if (!path.startsWith('/o/') || path.includes('?') || path.endsWith('/') || path.split('/').length < 4)
    throw new SealgateError('target-invalid', 'COPY needs the field Destination: /o/{bucket}/{name}.');
  const to = objectTarget(path);
  authorize(request, 'write', to.bucket);
  if (store.bucket(to.bucket) === undefined)
    throw new SealgateError('bucket-unknown', `There is no bucket ${to.bucket}.`);
  return to;
}

async function place(
  { store, epochs, turns }: Services,
  request: EngineRequest,
  { digest, mediaType }: { digest: string; mediaType?: string },
  { bucket, name }: Name,
): Promise<RespondPlan> {
  return turns.take(`${bucket}/${name}`, async () => {
    const current = store.resolve(bucket, name);
    if (request.headers.get('overwrite') === 'F' && current?.deleted === false)
      throw new SealgateError('precondition-failed');
    const { size } = await store.recorded(digest);
    const outcome = await store.putRef(bucket, name, { digest, mediaType });
    const recorded = store.resolve(bucket, name);
    if (outcome === 'replaced') epochs.bump(bucket);
    const about = {
      ...{ bucket, name, digest, size, outcome },
      ...(recorded?.deleted === false && { mediaType: recorded.mediaType }),
    };
    return stored(outcome === 'created', objectPath(bucket, name), about);
  });
}
