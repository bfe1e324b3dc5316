// GET|HEAD /o/{bucket}/{name…}: the newest version of a name.

import { objectContent } from '../../sites/content.ts';
import type { ObjectRoute, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function readObject(services: Services): ObjectRoute {
  const { objects, authorize } = services;
  return async (request, captures) => {
    const at = objectTarget(captures);
    const grant = authorize(request, 'read', at.bucket);
    return objectContent(services, request, await objects.get(at), grant);
  };
}
