// The purge hooks of a server.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { addon } from '../native/addon.ts';
import { Epochs } from '../objects/epochs.ts';
import { Purges } from '../purge/purges.ts';
import type { Store } from '../store/store.ts';
import type { ServedSites } from './sites.ts';

interface Parts {
  store: Pick<Store, 'changed'>;
  sites: ServedSites;
  log: Logger;
  /** Gets what ends them. */
  closers: (() => Promise<void> | void)[];
}

/** Throws ConfigError when a secret cannot be used. */
export async function startPurges(
  { purge }: Pick<Config, 'purge'>,
  { store, sites, log, closers }: Parts,
): Promise<Purges> {
  const epochs = new Epochs(addon);
  const makeStale = (buckets: ReadonlySet<string> | undefined) => {
    if (buckets) for (const bucket of buckets) epochs.bump(bucket);
    else epochs.bumpAll();
  };
  const what = { changed: store.changed, sites: () => sites.inForce ?? [], makeStale, log };
  const purges = await Purges.start(purge, what);
  closers.push(() => purges.close());
  return purges;
}
