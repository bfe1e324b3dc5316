// The configuration in the engine's words: what every reactor of the server is made with.

import type { Config } from '../config/config.ts';
import { engineErrors } from '../errors.ts';
import type { ReactorOptions, TlsOptions } from '../native/addon.ts';
import { blobsFolder } from '../store/blobs.ts';
import { problem } from './plan.ts';
import type { PoolOptions } from './pool.ts';

/**
 * @param tls undefined: all listeners are plaintext.
 * @param offload a network device of this host takes TLS keys.
 */
export function reactorOptions(
  config: Config,
  tls: TlsOptions | undefined,
  offload: boolean,
): Omit<PoolOptions['reactor'], 'mounts'> {
  const { maxObjectBytes: _, ...limits } = config.limits;
  return {
    ...(tls && { tls }),
    ktls: { ...config.ktls, askModes: offload },
    limits,
    problems: engineProblems(),
    serverName: 'sealgate',
    requestIds: config.requestIds,
    trustedProxies: config.trustedProxies,
    rateLimits: config.rateLimits,
    healthPath: config.healthPath,
    blobs: blobsFolder(config.store),
  };
}

/** The refusals that the engine makes by itself: the same as the application's. */
export function engineProblems(): ReactorOptions['problems'] {
  const codes = Object.keys(engineErrors) as (keyof typeof engineErrors)[];
  return Object.fromEntries(
    codes.map((code) => {
      const { status, fields, body } = problem(code);
      return [code, { status, fields, body: `${body}` }];
    }),
  );
}
