// The server's sentinel: what it fetches, from where, and what happens to a blob that is not what it was.

import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { Epochs } from '../engine/epochs.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import { addon } from '../native/addon.ts';
import type { Operation } from '../rollout/operation.ts';
import { Sentinel } from '../rollout/sentinel.ts';
import type { Store } from '../store/store.ts';

export interface SentinelNeeds {
  store: Store;
  operation: Operation;
  token: string;
  log: Logger;
}

export function startSentinel(config: Config, needs: SentinelNeeds, pool: DeliveryPool): Sentinel {
  const { store, operation, token, log } = needs;
  // It has no certificate to show.
  const asks = config.tls.clients.verify !== 'required';
  const epochs = new Epochs(addon);
  const sentinel = new Sentinel({
    store,
    rollout: operation.rollout,
    listeners: () => pool.listeners.filter(({ tls }) => asks || !tls),
    withdraw: async (digest) => {
      // Also when the file could not be moved: the blob is on record as withdrawn.
      await store.quarantine(digest, 'content').finally(() => epochs.bumpAll());
    },
    token: config.auth.reads === 'open' ? '' : token,
    maxBytes: config.sentinel.maxBytes,
    log,
  });
  if (config.sentinel.intervalSeconds > 0) sentinel.start(config.sentinel.intervalSeconds);
  return sentinel;
}
