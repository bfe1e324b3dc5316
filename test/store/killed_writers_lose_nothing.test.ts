// A process killed in the middle of many puts loses nothing that it acknowledged, and leaves nothing half
// stored.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';
import { bytesOf, startWriter } from '../support/writer.ts';

const kills = 6;
const site = await TestStore.open();
after(() => site.remove());

/** Lets a writer acknowledge at least so many puts, and kills it wherever it is then. */
async function killedAfter(count: number, prefix: string): Promise<string[]> {
  const writer = startWriter(site.root, prefix);
  const closed = once(writer, 'close');
  const acknowledged: string[] = [];
  assert.ok(writer.stdout);
  for await (const name of createInterface({ input: writer.stdout })) {
    acknowledged.push(name);
    if (acknowledged.length === count) writer.kill('SIGKILL');
  }
  await closed;
  return acknowledged;
}

async function assertWhole(name: string): Promise<void> {
  const ref = site.store.resolve('files', name);
  assert.ok(ref && !ref.deleted, `${name} is not there`);
  assert.equal(ref.digest, sha256(bytesOf(name)));
  const { level, size } = await site.store.prove(ref.digest);
  assert.deepEqual([level, size], ['L1', ref.size]);
  assert.equal(sha256(await readFile(site.blobPath(ref.digest))), ref.digest);
}

for (let kill = 0; kill < kills; kill++) {
  // From the first acknowledgements, when folders are still being made, to the middle of a steady stream.
  const count = kill === 0 ? 1 : randomInt(2, 400);
  test(`kill ${kill + 1}, once ${count} puts were acknowledged`, async () => {
    await site.store.close();
    const acknowledged = await killedAfter(count, `run ${kill}`);
    assert.ok(acknowledged.length >= count);

    site.store = await openStore({ root: site.root });
    assert.deepEqual(await site.staged(), []);
    assert.deepEqual(await site.quarantined(), []);
    for (const name of acknowledged) await assertWhole(name);
    // Names that nobody was told of yet are whole too, or not there.
    const written = allNames(site.store, 'files', { prefix: `run ${kill}/` });
    assert.ok(written.length >= acknowledged.length);
    for (const name of written) await assertWhole(name);
    // A blob placed but not yet recorded when the writer died is taken over.
    for (const number of [0, count, count + 16])
      await site.put('files', `run ${kill}/${number}`, bytesOf(`run ${kill}/${number}`));
    await assertWhole(`run ${kill}/${count + 16}`);
  });
}
