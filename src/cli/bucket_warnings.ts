// Buckets that sites of the configuration serve and that are not there yet: they may be made later.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { withoutBucket } from '../config/site_warnings.ts';
import { openStore } from '../store/content_store.ts';

/** See withoutBucket; none where the store cannot be read. */
export async function bucketWarnings(config: Config): Promise<string[]> {
  if (withoutBucket(config, () => false).length === 0) return [];
  const there = await bucketsOf(config.store).catch(() => undefined);
  return there ? withoutBucket(config, (name) => there.has(name)) : [];
}

async function bucketsOf(root: string): Promise<Set<string>> {
  if (!existsSync(join(root, 'format'))) return new Set();
  const store = await openStore({ root, readOnly: true });
  try {
    return new Set(store.buckets().map(({ name }) => name));
  } finally {
    await store.close();
  }
}
