// GET|HEAD /sha256/{hex}: bytes by what they are. The URL can never mean other bytes.

import { content } from './content.ts';
import type { Route, Services } from './services.ts';
import { digestTarget } from './target.ts';

export function readDigest(services: Services): Route {
  const { store, epochs, authorize, openReads, firstRead } = services;
  return (request) => {
    const digest = digestTarget(request.path);
    authorize(request, 'read');
    const epoch = epochs.ofDigests();
    const record = store.recorded(digest, firstRead());
    return content(services, request, digest, record, {
      contentType: 'application/octet-stream',
      freshness: 'immutable',
      shared: openReads,
      created: record instanceof Promise ? store.blob(digest)?.created : record.created,
      ...(openReads && { cache: epoch }),
    });
  };
}
