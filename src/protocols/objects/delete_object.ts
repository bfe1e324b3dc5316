// DELETE /o/{bucket}/{name…}: a tombstone becomes the newest version. The bytes stay until nothing reaches
// them.

import { respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { checkPreconditions } from './preconditions.ts';
import type { Route, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function deleteObject({ store, epochs, authorize, turns }: Services): Route {
  return (request) => {
    const { bucket, name } = objectTarget(request.path);
    authorize(request, 'write', bucket);
    if (store.bucket(bucket) === undefined) throw new SealgateError('bucket-unknown');
    return turns.take(`${bucket}/${name}`, async () => {
      const current = store.resolve(bucket, name);
      checkPreconditions(request.headers, current?.deleted === false ? current : undefined);
      if (!(await store.deleteRef(bucket, name))) throw new SealgateError('not-found');
      epochs.bump(bucket);
      return respond(204);
    });
  };
}
