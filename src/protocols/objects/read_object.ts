// GET|HEAD /o/{bucket}/{name…}: the newest version of a name.

import { content } from '../../sites/content.ts';
import type { ObjectRoute, Services } from './services.ts';
import { objectTarget } from './target.ts';

export function readObject(services: Services): ObjectRoute {
  const { objects, authorize } = services;
  return async (request, captures) => {
    const at = objectTarget(captures);
    const grant = authorize(request, 'read', at.bucket);
    const found = await objects.get(at);
    return content(services, request, found, {
      contentType: found.ref.mediaType,
      fields: found.ref.fields,
      freshness: found.kind === 'write-once' ? 'immutable' : 'revalidate',
      grant,
      created: found.ref.date,
      cache: found.epoch,
    });
  };
}
