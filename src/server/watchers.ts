// What watches a running server and its store by itself: the sentinel and the scrubber.

import type { Config } from '../config.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import type { Sentinel } from '../rollout/sentinel.ts';
import { type Scrubbing, startScrubbing } from './scrub.ts';
import { type SentinelNeeds, startSentinel } from './sentinel.ts';

/** Empty until the server accepts. */
export interface Watchers {
  sentinel?: Sentinel;
  scrub?: Scrubbing;
}

/** Starts them, puts them into `watch`, and resolves with what ends them. */
export async function startWatchers(
  config: Config,
  needs: SentinelNeeds,
  pool: DeliveryPool,
  watch: Watchers,
): Promise<() => Promise<void>> {
  const { store, objects, operation, log } = needs;
  const { audit } = operation;
  const dropStalePlans = () => pool.dropStalePlans();
  const scrub = await startScrubbing(config, { store, objects, audit, dropStalePlans, log });
  const sentinel = startSentinel(config, needs, pool);
  Object.assign(watch, { sentinel, scrub });
  return () => {
    sentinel.close();
    return scrub.close();
  };
}
