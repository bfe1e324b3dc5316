// DELETE of a file of a channel: its name is free again.

import { respond } from '../../engine/plan.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { Placing } from './placing.ts';
import { type MediaRoute, type Point, pointName } from './point.ts';

export function deleteMedia(point: Point, placing: Placing): MediaRoute {
  const { services, bucket } = point;
  return async (request) => {
    const name = pointName(point, request.path);
    services.authorize(request, 'write', bucket);
    await services.objects.delete({ bucket, name }, conditionsOf(request.headers));
    placing.deleted(name);
    return respond(200);
  };
}
