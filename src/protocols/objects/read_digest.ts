// GET|HEAD /sha256/{hex}: bytes by what they are. The URL can never mean other bytes.

import { deliver } from '../../engine/plan.ts';
import type { SealRecord } from '../../native/addon.ts';
import type { Route, Services } from './services.ts';
import { digestTarget } from './target.ts';

export function readDigest({ store, epochs, authorize, openReads, firstRead }: Services): Route {
  return (request) => {
    const digest = digestTarget(request.path);
    authorize(request, 'read');
    const epoch = epochs.ofDigests();
    const plan = (record: SealRecord) =>
      deliver(record, {
        contentType: 'application/octet-stream',
        freshness: 'immutable',
        shared: openReads,
        created: record.created,
        ...(openReads && { cache: epoch }),
      });
    const record = store.recorded(digest, firstRead());
    return record instanceof Promise ? record.then(plan) : plan(record);
  };
}
