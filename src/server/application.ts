// The server's application: the objects service, the data plane's routes over it, and the bridge to them.

import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { Bridge, type Handle } from '../engine/bridge.ts';
import type { Refusals } from '../engine/refusals.ts';
import { addon } from '../native/addon.ts';
import { Epochs } from '../objects/epochs.ts';
import { Objects } from '../objects/objects.ts';
import { objects as objectsProtocol } from '../protocols/objects/index.ts';
import { firstReadOf, sealFloorOf } from '../seal_policy.ts';
import { authorizer } from '../sites/authorize.ts';
import type { Mount, Protocol } from '../sites/mount.ts';
import { type Mounted, mounted } from '../sites/mounts.ts';
import type { Store } from '../store/store.ts';

/** Every protocol that a mount can name. */
const protocols: Record<string, Protocol> = { objects: objectsProtocol };

/** What is served where nothing else is configured: /o/ and /sha256/ on every host. */
const mounts: Mount[] = [{ host: '*', path: '/', protocol: 'objects' }];

export function createObjects(config: Config, store: Store): Objects {
  return new Objects({
    store,
    epochs: new Epochs(addon),
    firstRead: (bucket) => firstReadOf(config, bucket),
    floor: (bucket) => sealFloorOf(config, bucket),
    maxObjectBytes: config.limits.maxObjectBytes,
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

/** The application, and the mounts by which the engine asks it. */
export function createApplication(
  { auth }: Config,
  objects: Objects,
  { tokens, ownToken }: Credentials,
  log: Logger,
): Mounted {
  const openReads = auth.reads === 'open';
  const authorize = authorizer(tokens, auth.clients, openReads, ownToken);
  return mounted(mounts, protocols, { objects, authorize, openReads, log });
}
