// The configuration in the engine's words: what every reactor of the server is made with.

import type { Config } from '../config.ts';
import { engineErrors, problemBody } from '../errors.ts';
import type { ReactorOptions, TlsOptions } from '../native/addon.ts';
import { blobsFolder } from '../store/blobs.ts';

/**
 * @param tls undefined: all listeners are plaintext.
 * @param offload a network device of this host takes TLS keys.
 */
export function reactorOptions(
  config: Config,
  tls: TlsOptions | undefined,
  offload: boolean,
): Omit<ReactorOptions, 'sharedPorts'> {
  const { maxObjectBytes: _, ...limits } = config.limits;
  return {
    listeners: config.listeners,
    ...(tls && { tls }),
    ktls: { ...config.ktls, askModes: offload },
    limits,
    problems: engineProblems(),
    planKeyFields: [],
    serverName: 'sealgate',
    blobs: blobsFolder(config.store),
  };
}

/** The bodies of the refusals that the engine makes by itself. */
export function engineProblems(): ReactorOptions['problems'] {
  const codes = Object.keys(engineErrors) as (keyof typeof engineErrors)[];
  return Object.fromEntries(
    codes.map((code) => [code, { status: engineErrors[code].status, body: problemBody(code) }]),
  );
}
