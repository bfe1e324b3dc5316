// GET|HEAD /sha256/{hex}: bytes by what they are. The URL can never mean other bytes.

import { content } from '../../sites/content.ts';
import type { DigestRoute, Services } from './services.ts';
import { digestTarget } from './target.ts';

export function readDigest(services: Services): DigestRoute {
  const { objects, authorize } = services;
  return (request, captures) => {
    const digest = digestTarget(captures);
    const grant = authorize(request, 'read');
    const found = objects.getBlob(digest);
    return content(services, request, found, {
      contentType: 'application/octet-stream',
      freshness: 'immutable',
      grant,
      created: found.recorded?.created,
      cache: found.epoch,
    });
  };
}
