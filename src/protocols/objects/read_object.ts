// GET|HEAD /o/{bucket}/{name…}: the newest version of a name.

import { SealgateError } from '../../errors.ts';
import { content } from './content.ts';
import type { Route, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function readObject(services: Services): Route {
  const { store, epochs, authorize, openReads, firstRead } = services;
  return (request) => {
    const { bucket, name } = objectTarget(request.path);
    authorize(request, 'read', bucket);
    const epoch = epochs.ofBucket(bucket);
    const kind = store.bucket(bucket)?.kind;
    if (kind === undefined) throw new SealgateError('bucket-unknown');
    const ref = store.resolve(bucket, name);
    if (ref === undefined) throw new SealgateError('not-found');
    if (ref.deleted) throw new SealgateError('name-deleted');
    const record = store.recorded(ref.digest, firstRead(bucket));
    return content(services, request, ref.digest, record, {
      contentType: ref.mediaType,
      freshness: kind === 'write-once' ? 'immutable' : 'revalidate',
      shared: openReads,
      created: ref.date,
      ...(openReads && { cache: epoch }),
    });
  };
}
