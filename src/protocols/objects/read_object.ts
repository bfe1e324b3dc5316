// GET|HEAD /o/{bucket}/{name…}: the newest version of a name.

import { deliver } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { SealRecord } from '../../native/addon.ts';
import type { Route, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function readObject({ store, epochs, authorize, openReads, firstRead }: Services): Route {
  return (request) => {
    const { bucket, name } = objectTarget(request.path);
    authorize(request, 'read', bucket);
    const epoch = epochs.ofBucket(bucket);
    const kind = store.bucket(bucket)?.kind;
    if (kind === undefined) throw new SealgateError('bucket-unknown');
    const ref = store.resolve(bucket, name);
    if (ref === undefined) throw new SealgateError('not-found');
    if (ref.deleted) throw new SealgateError('name-deleted');
    const plan = (blob: SealRecord) =>
      deliver(blob, {
        contentType: ref.mediaType,
        freshness: kind === 'write-once' ? 'immutable' : 'revalidate',
        shared: openReads,
        created: ref.date,
        ...(openReads && { cache: epoch }),
      });
    const blob = store.recorded(ref.digest, firstRead(bucket));
    return blob instanceof Promise ? blob.then(plan) : plan(blob);
  };
}
