// The server's store: opened with the buckets of the configuration, and looked at by those who ask whether
// the server is ready.

import type { Config } from '../config.ts';
import type { Readiness } from '../readiness.ts';
import { openStore } from '../store/content_store.ts';
import { presenceOf } from '../store/presence.ts';
import type { Store } from '../store/store.ts';

export async function openServedStore(config: Config, readiness: Readiness): Promise<Store> {
  const store = await openStore({ root: config.store, dates: config.lastModified });
  try {
    for (const [name, kind] of Object.entries(config.buckets)) await store.createBucket(name, kind);
    readiness.add('store', await presenceOf(config.store));
    readiness.add('metadata', () => store.fault());
    return store;
  } catch (cause) {
    await store.close();
    throw cause;
  }
}
