// The server's application: the objects service, what protocols are served with, and the bridge to them.

import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { Bridge, type Handle } from '../engine/bridge.ts';
import type { Refusals } from '../engine/refusals.ts';
import { addon } from '../native/addon.ts';
import { Epochs } from '../objects/epochs.ts';
import type { Objects } from '../objects/objects.ts';
import { SharedObjects } from '../objects/shared_objects.ts';
import { firstReadOf, sealFloorOf } from '../seal_policy.ts';
import { authorizer } from '../sites/authorize.ts';
import type { Services } from '../sites/mount.ts';
import type { Store } from '../store/store.ts';

export function createObjects(config: Config, store: Store): SharedObjects {
  return new SharedObjects({
    store,
    // Of a process that was replaced: what it reads is as new as what the other one has made stale.
    epochs: new Epochs(addon, () => store.succession.refresh()),
    firstRead: (bucket) => firstReadOf(config, bucket),
    floor: (bucket) => sealFloorOf(config, bucket),
    get maxObjectBytes() {
      return config.limits.maxObjectBytes;
    },
  });
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
  }: Pick<Services, 'objects' | 'coder'> & Required<Pick<Services, 'uploads' | 'upstreams'>>,
  { tokens, ownToken }: Credentials,
  log: Logger,
): Services {
  const openReads = auth.reads === 'open';
  const authorize = authorizer(tokens, auth.clients, openReads, ownToken);
  const withTokens = { authorize: authorizer(tokens, auth.clients, false, ownToken) };
  return { objects, coder, uploads, upstreams, authorize, openReads, withTokens, log };
}
