// What watches a running server and its store by itself: the sentinel and the scrubber.

import type { Config } from '../config/config.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import type { Pausable } from '../pause.ts';
import type { Sentinel } from '../rollout/sentinel.ts';
import { type Scrubbing, startScrubbing } from './scrub.ts';
import { type SentinelNeeds, startSentinel } from './sentinel.ts';

/** Empty until the server accepts. */
export interface Watchers {
  sentinel?: Sentinel;
  scrub?: Scrubbing;
}

/** Starts them and puts them into `watch`. They end at `pause`, for good or until `resume`. */
export async function startWatchers(
  config: Config,
  needs: SentinelNeeds,
  pool: DeliveryPool,
  watch: Watchers,
): Promise<Pausable> {
  const start = () => startBoth(config, needs, pool, watch);
  let end: (() => Promise<void>) | undefined = await start();
  const pause = async () => {
    const ending = end;
    end = undefined;
    await ending?.();
  };
  const resume = async () => {
    end = await start();
  };
  return { pause, resume };
}

async function startBoth(
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
