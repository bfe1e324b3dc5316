// The server's store: opened with the buckets of the configuration, and looked at by those who ask whether
// the server is ready.

import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config/config.ts';
import type { Readiness } from '../readiness.ts';
import { sealLevelOf } from '../seal_policy.ts';
import { openStore } from '../store/content_store.ts';
import { StoreHeld } from '../store/layout.ts';
import { presenceOf } from '../store/presence.ts';
import type { Store } from '../store/store.ts';
import type { Inherited } from '../store/succession.ts';
import { whenFree } from '../when_free.ts';

/** Milliseconds between two tries to get the lock of a store. */
const lookAgainAfter = 20;

export interface Opening {
  inherited?: Inherited | undefined;
  /** Milliseconds to wait for a lock that another process has. */
  lockPatience?: number;
}

export async function openServedStore(
  config: Config,
  readiness: Readiness,
  log: Logger,
  { inherited, lockPatience = 0 }: Opening = {},
): Promise<Store> {
  const onNotice = (said: string) => log.warn(said);
  const open = () =>
    openStore({
      root: config.store,
      inherited,
      dates: config.lastModified,
      onMade: () => log.info({ store: config.store }, 'there was no store here, and an empty one was made'),
      onNotice,
      seals: { level: (bucket) => sealLevelOf(config, bucket), onLowered: onNotice },
    });
  // The kernel may take a moment to release the lock of a process that was killed.
  const isHeld = (error: Error) => error instanceof StoreHeld;
  const store = await whenFree(open, { isHeld, patience: lockPatience, every: lookAgainAfter });
  try {
    checkKinds(config, store);
    for (const [name, kind] of Object.entries(config.buckets)) await store.createBucket(name, kind);
    readiness.add('store', await presenceOf(config.store));
    readiness.add('metadata', () => store.fault());
    const fault = await store.fault();
    if (fault !== undefined) log.error(`the store can be read and not written: ${fault}`);
    return store;
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

/** Throws ConfigError when buckets that are there have another kind than is declared. */
export function checkKinds({ buckets }: Pick<Config, 'buckets'>, store: Pick<Store, 'bucket'>): void {
  const faults = Object.entries(buckets).flatMap(([name, kind]) => {
    const actual = store.bucket(name)?.kind ?? kind;
    if (actual === kind) return [];
    return (
      `buckets.${name}: declared is ${kind}, and the bucket is ${actual}; declare that, or run 'sealgate ` +
      `bucket set ${name} --kind ${kind}', which changes it`
    );
  });
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
}
