// Buckets that sites of the configuration serve and that are not there yet: they may be made later.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { whyVersioned } from '../config/site_warnings.ts';
import { openStore } from '../store/content_store.ts';

/** A sentence for each, with the command that makes it; none where the store cannot be read. */
export async function missingBuckets(config: Config): Promise<string[]> {
  const { buckets, sites = [] } = config;
  const named = sites.filter(({ bucket }) => bucket !== undefined && !Object.hasOwn(buckets, bucket));
  if (named.length === 0) return [];
  const there = await bucketsOf(config.store).catch(() => undefined);
  const kinds = new Map<string, string>();
  for (const site of named) {
    const { bucket = '' } = site;
    if (there === undefined || there.has(bucket)) continue;
    if (whyVersioned(site) !== undefined) kinds.set(bucket, ' --kind versioned');
    else if (!kinds.has(bucket)) kinds.set(bucket, '');
  }
  return [...kinds].map(
    ([bucket, kind]) =>
      `sites: there is no bucket ${bucket}, so nothing is found where it is served; make it with ` +
      `'sealgate bucket create ${bucket}${kind}', or declare it in "buckets"`,
  );
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
