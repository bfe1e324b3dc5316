// The server's application: the objects service, what protocols are served with, and the bridge to them.

import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { Bridge, type Handle } from '../engine/bridge.ts';
import type { Refusals } from '../engine/refusals.ts';
import { addon } from '../native/addon.ts';
import { Epochs } from '../objects/epochs.ts';
import type { Objects } from '../objects/objects.ts';
import type { Sharing } from '../objects/shared_names.ts';
import { SharedObjects } from '../objects/shared_objects.ts';
import { firstReadOf, sealFloorOf } from '../seal_policy.ts';
import { authorizer, reacher } from '../sites/authorize.ts';
import type { Services } from '../sites/mount.ts';
import type { Store } from '../store/store.ts';
import { Tier } from '../upstream/tier.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import { cannotBeShared, sharedOver } from './shared_collector.ts';

/** @param upstreams what is asked for the names of shared buckets. */
export function createObjects(config: Config, store: Store, upstreams: () => Upstreams): SharedObjects {
  const isShared = Object.keys(config.sharedBuckets).length > 0;
  const objects: SharedObjects = new SharedObjects({
    store,
    // Of a process that was replaced: what it reads is as new as what the other one has made stale.
    epochs: new Epochs(addon, () => store.succession.refresh()),
    firstRead: (bucket) => firstReadOf(config, bucket),
    floor: (bucket) => sealFloorOf(config, bucket),
    get maxObjectBytes() {
      return config.limits.maxObjectBytes;
    },
    sharing: isShared ? sharingOf(config, upstreams, () => objects.turn.isElsewhere) : undefined,
  });
  return objects;
}

/** @param isReplaced then what is here is kept up to date by the process that writes to the store. */
function sharingOf(
  { sharedBuckets }: Config,
  upstreams: () => Upstreams,
  isReplaced: () => boolean,
): Sharing {
  return {
    of: (bucket) => {
      if (!Object.hasOwn(sharedBuckets, bucket) || isReplaced()) return undefined;
      const { upstream = '', freshSeconds = 0 } = sharedBuckets[bucket] ?? {};
      return { tier: new Tier(upstreams().get(upstream)), freshMs: freshSeconds * 1000 };
    },
    get flights() {
      return upstreams().flights;
    },
    get signal() {
      return upstreams().signal;
    },
  };
}

/** Asks the stores that buckets are shared over whether they do what it takes. Throws ConfigError. */
export async function probeTiers({ sharedBuckets }: Config, upstreams: Upstreams, log: Logger) {
  await Promise.all(
    sharedOver({ sharedBuckets }).map(async (upstream) => {
      const wrong = await new Tier(upstreams.get(upstream)).probe().catch((err) => {
        log.warn({ err, upstream }, 'a shared store was not reached; what is here of its buckets is served');
      });
      if (wrong !== undefined) throw new ConfigError(cannotBeShared(upstream, wrong));
    }),
  );
}

export interface Credentials {
  tokens: Tokens;
  /** The sentinel's, which may read. */
  ownToken: string;
}

/** The bridge over which reactors ask the application from now on. */
export function startBridge(handle: Handle, objects: Objects, refusals: Refusals, log: Logger): Bridge {
  const bridge = new Bridge({
    handle,
    broken: (digest, found) => objects.prove(digest, found),
    refused: (code) => refusals.add(code),
    log,
  });
  bridge.listen();
  return bridge;
}

/** What the protocols of all mounts are served with. */
export function protocolServices(
  { auth }: Config,
  {
    objects,
    coder,
    uploads,
    upstreams,
    store,
  }: Pick<Services, 'objects' | 'coder'> &
    Required<Pick<Services, 'uploads' | 'upstreams'>> & { store: Pick<Store, 'eviction'> },
  { tokens, ownToken }: Credentials,
  log: Logger,
): Services {
  const openReads = auth.reads === 'open';
  const authorize = authorizer(tokens, auth.clients, openReads, ownToken);
  const strict = authorizer(tokens, auth.clients, false, ownToken);
  const reach = reacher(tokens, auth.clients, authorize);
  const withTokens = { authorize: strict, reach: reacher(tokens, auth.clients, strict) };
  const { uses } = store.eviction;
  return { objects, coder, uploads, upstreams, uses, authorize, reach, openReads, withTokens, log };
}
