// Directory trees to import, and what a bucket lists after the import.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openStore } from '../../src/store/content_store.ts';
import { allNames, sha256 } from './store.ts';

/** @param files contents by path from `dir`. */
export async function writeTree(dir: string, files: Record<string, string | Uint8Array>): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
}

/** What a bucket should list for these contents: digests by name. */
export function digestsOf(files: Record<string, string | Uint8Array>, prefix = ''): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [prefix + path, sha256(bytes)]));
}

/** Digests by name; every blob passes its proof. */
export async function bucketDigests(root: string, bucket: string): Promise<Record<string, string>> {
  const store = await openStore({ root, readOnly: true });
  try {
    const found: Record<string, string> = {};
    for (const name of allNames(store, bucket)) {
      const ref = store.resolve(bucket, name);
      if (!ref || ref.deleted) throw new Error(`${name} is listed and not there`);
      await store.prove(ref.digest);
      found[name] = ref.digest;
    }
    return found;
  } finally {
    await store.close();
  }
}
