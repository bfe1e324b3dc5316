// FilledStore: a store with any number of names, written through the store's interface: the result of
// importing as many files, without the files.

import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { addon } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';
import { makeHome } from './servers/sealgate.ts';
import { KiB } from './site.ts';

/** All names share this many blobs of 1 KB. */
const most = 1000;
/** Concurrent writes, which share commits. */
const batch = 10_000;

/**
 * Creates a store in `home` whose bucket `files` has the names `0.bin` to `refs - 1`. An existing one is
 * kept.
 */
export async function makeFilledHome(home: string, refs: number, say: (text: string) => void): Promise<void> {
  if (existsSync(home)) return;
  makeHome(home);
  const store = await openStore({ root: `${home}/store` });
  const digests: string[] = [];
  for (let number = 0; number < Math.min(refs, most); number += 1) {
    const staging = store.stagingPath();
    writeFileSync(staging, randomBytes(KiB), { mode: 0o444 });
    const hashed = await addon.hashFile(staging);
    await store.commitBlob(staging, hashed);
    digests.push(hashed.digest);
  }
  for (let first = 0; first < refs; first += batch) {
    const numbers = Array.from({ length: Math.min(batch, refs - first) }, (_, index) => first + index);
    await Promise.all(numbers.map((number) => put(number)));
    if (first % 100_000 === 0) say(`${refs} names: ${first} written`);
  }
  await store.close();

  function put(number: number) {
    const to = { digest: digests[number % digests.length] ?? '', mediaType: 'application/octet-stream' };
    return store.putRef('files', `${number}.bin`, to);
  }
}
