// The server's application: the objects service, the data plane's routes over it, and the bridge to them.

import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { Bridge, type Handle } from '../engine/bridge.ts';
import type { Refusals } from '../engine/refusals.ts';
import { addon } from '../native/addon.ts';
import { Epochs } from '../objects/epochs.ts';
import { Objects } from '../objects/objects.ts';
import { objects as objectsProtocol } from '../protocols/objects/index.ts';
import { web } from '../protocols/web/index.ts';
import { firstReadOf, sealFloorOf } from '../seal_policy.ts';
import { authorizer } from '../sites/authorize.ts';
import type { Mount, Protocol, Services } from '../sites/mount.ts';
import { type Mounted, mounted } from '../sites/mounts.ts';
import type { Store } from '../store/store.ts';

/** Every protocol that a mount can name. */
const protocols: Record<string, Protocol> = { objects: objectsProtocol, web };

/**
 * Where objects are for the server itself and for commands beside it: without sites at /, as for everybody;
 * else below a path that nobody else knows.
 */
export function objectsPath({ sites }: Config): string {
  return sites === undefined ? '/' : `/${randomUUID()}/`;
}

/** @param path that objects are below for the server itself. */
function mountsOf({ sites = [] }: Config, path: string): Mount[] {
  const configured = sites.map((site): Mount => {
    const { host, path, protocol, bucket } = site;
    return { host, path, protocol, ...(bucket !== undefined && { bucket }), site };
  });
  return [...configured, { host: '*', path, protocol: 'objects' }];
}

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

/** A bucket may be made later. */
function warnOfBuckets({ sites = [] }: Config, objects: Objects, log: Logger): void {
  for (const { host, path, bucket } of sites) {
    if (bucket === undefined) continue;
    try {
      objects.bucket(bucket);
    } catch (err) {
      log.warn({ host, path, err }, 'a site has nothing to serve until its bucket is made');
    }
  }
}

/** The application, and the mounts by which the engine asks it. */
export function createApplication(
  config: Config,
  { objects, coder }: Pick<Services, 'objects' | 'coder'>,
  { tokens, ownToken }: Credentials,
  path: string,
  log: Logger,
): Mounted {
  const { auth } = config;
  const openReads = auth.reads === 'open';
  const authorize = authorizer(tokens, auth.clients, openReads, ownToken);
  warnOfBuckets(config, objects, log);
  return mounted(mountsOf(config, path), protocols, { objects, coder, authorize, openReads, log });
}
