// The server's front end: the data plane's application with all that it needs.

import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { FrontEnd } from '../engine/bridge.ts';
import { Epochs } from '../engine/epochs.ts';
import type { Refusals } from '../engine/refusals.ts';
import { addon } from '../native/addon.ts';
import { createApp } from '../protocols/objects/index.ts';
import { authorizer } from '../sites/authorize.ts';
import type { FirstRead, Store } from '../store/store.ts';
import { Turns } from '../turns.ts';

/** @param ownToken the sentinel's, which may read. */
export function createFrontEnd(
  config: Config,
  store: Store,
  tokens: Tokens,
  refusals: Refusals,
  ownToken: string,
  log: Logger,
): FrontEnd {
  const epochs = new Epochs(addon);
  const openReads = config.auth.reads === 'open';
  const handle = createApp({
    store,
    epochs,
    authorize: authorizer(tokens, config.auth.clients, openReads, ownToken),
    openReads,
    firstRead: firstReads(config),
    maxObjectBytes: config.limits.maxObjectBytes,
    turns: new Turns(),
    log,
  });
  return new FrontEnd({ handle, store, epochs, refused: (code) => refusals.add(code), log });
}

// By digest a blob may be one of any bucket: the strictest counts.
function firstReads({ seal }: Config): (bucket?: string) => FirstRead {
  const strictest = Object.values(seal.buckets).some(({ firstRead }) => firstRead === 'hash')
    ? 'hash'
    : seal.firstRead;
  return (bucket) => (bucket === undefined ? strictest : (seal.buckets[bucket]?.firstRead ?? seal.firstRead));
}
