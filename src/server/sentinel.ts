// The server's sentinel: what it fetches, from where, and what happens to a blob that is not what it was.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import type { Objects } from '../objects/objects.ts';
import type { Operation } from '../rollout/operation.ts';
import { Sentinel } from '../rollout/sentinel.ts';
import type { Store } from '../store/store.ts';
import { isForCommands } from './announcement.ts';

export interface SentinelNeeds {
  store: Store;
  objects: Objects;
  operation: Operation;
  token: string;
  /** The path that objects are below. */
  path(): string;
  log: Logger;
}

export function startSentinel(config: Config, needs: SentinelNeeds, pool: DeliveryPool): Sentinel {
  const { store, objects, operation, token, path, log } = needs;
  // It has no certificate to show.
  const asks = config.tls.clients.verify !== 'required';
  const sentinel = new Sentinel({
    store,
    rollout: operation.rollout,
    listeners: () => pool.listeners.filter((each) => (asks || !each.tls) && isForCommands(each)),
    prove: (digest) => objects.prove(digest, 'content'),
    objects: path,
    token: config.auth.reads === 'open' ? '' : token,
    maxBytes: config.sentinel.maxBytes,
    log,
  });
  if (config.sentinel.intervalSeconds > 0) sentinel.start(config.sentinel.intervalSeconds);
  return sentinel;
}
