// DELETE /o/{bucket}/{name…}: a tombstone becomes the newest version. The bytes stay until nothing reaches
// them.

import { respond } from '../../engine/plan.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { ObjectRoute, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function deleteObject({ objects, authorize }: Services): ObjectRoute {
  return async (request, captures) => {
    const at = objectTarget(captures);
    authorize(request, 'write', at.bucket);
    await objects.delete(at, conditionsOf(request.headers));
    return respond(204);
  };
}
