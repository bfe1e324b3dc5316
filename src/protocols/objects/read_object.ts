// GET|HEAD /o/{bucket}/{name…}: the newest version of a name, or its first one while it is still uploaded.
// With `?tags`, who may write is told its tags.

import { isAllowed } from '../../sites/authorize.ts';
import { objectContent } from '../../sites/content.ts';
import { foundOrGrowing, growingContent, isGrowing } from '../../sites/growing.ts';
import type { ObjectRoute, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function readObject(services: Services): ObjectRoute {
  const { authorize } = services;
  return async (request, captures) => {
    const at = objectTarget(captures);
    const grant = authorize(request, 'read', at.bucket);
    const found = await foundOrGrowing(services, request, at);
    if (isGrowing(found)) return growingContent(services, found, grant);
    if (!request.query.has('tags')) return objectContent(services, request, found, grant);
    // Not kept: every value of the parameter would be a plan of its own, and who asks decides about one.
    const mayWrite = isAllowed(authorize, request, 'write', at.bucket);
    const its = mayWrite ? { ...services, tagFields: ['Surrogate-Key' as const] } : services;
    return objectContent(its, request, found, grant, { cache: undefined, more: [['Vary', 'Authorization']] });
  };
}
