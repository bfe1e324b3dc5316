// The same few bytes are stored, overwritten, deleted and collected over and over at the same time: whatever
// a put acknowledged is there with its bytes, as long as its name points at it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { allNames, sha256, TestStore } from '../../support/store.ts';

const rounds = 3000;
const writers = 8;
/** So few that a put meets the collection of its own bytes time and again. */
const contents = 16;

const site = await TestStore.open();
after(() => site.remove());
await site.store.createBucket('plain', 'versioned');
await site.store.setBucket('plain', { keep: { versions: 0 } });

const bytesOf = (number: number) => `content ${number % contents}`;

async function assertHeld(name: string, bytes: string): Promise<void> {
  const ref = site.store.resolve('plain', name);
  assert.ok(ref && !ref.deleted, name);
  assert.equal(ref.digest, sha256(bytes));
  assert.equal((await site.store.prove(ref.digest)).level, 'L1', `${name} ${bytes}`);
  assert.equal(await readFile(site.blobPath(ref.digest), 'utf8'), bytes);
}

test(`${rounds} puts of ${contents} contents lose nothing to the collection beside them`, async (t) => {
  let next = 0;
  let collected = 0;
  let ends = false;
  const collecting = async () => {
    while (!ends) collected += (await site.store.collect({ graceMs: 0 })).blobs;
  };
  // Each writer has a name of its own, so that it knows what it holds.
  const writing = async (writer: number) => {
    while (next < rounds) {
      const number = next++;
      const name = `writer ${writer}`;
      if (number % 7 === 0) {
        await site.store.deleteRef('plain', name);
        continue;
      }
      await site.put('plain', name, bytesOf(number * (writer + 1)));
      await assertHeld(name, bytesOf(number * (writer + 1)));
    }
  };
  const collector = collecting();
  await Promise.all(Array.from({ length: writers }, (_, writer) => writing(writer)));
  ends = true;
  await collector;
  t.diagnostic?.(`${collected} blobs collected meanwhile`);
  assert.ok(collected > contents, `${collected} blobs collected`);
});

test('at the end all is there that names point at, and nothing else', async () => {
  await site.store.collect({ graceMs: 0 });
  const held = new Set<string>();
  for (const name of allNames(site.store, 'plain')) {
    const ref = site.store.resolve('plain', name);
    assert.ok(ref && !ref.deleted);
    held.add(ref.digest);
    assert.equal((await site.store.prove(ref.digest)).level, 'L1');
  }
  const known = site.store.known({ after: '', limit: 1000 }).map(({ digest }) => digest);
  assert.deepEqual(new Set(known), held);
  assert.deepEqual(await site.quarantined(), []);
});

test('a name given to bytes while they are collected points at them, or is refused', async () => {
  let refused = 0;
  for (let round = 0; round < 200; round++) {
    const bytes = `copied ${round % 4}`;
    await site.put('plain', 'source', bytes);
    await site.put('plain', 'source', 'something else');
    const copy = site.store
      .putRef('plain', `copy ${round % 4}`, { digest: sha256(bytes) })
      .then(() => true)
      .catch((error) => {
        assert.equal(error.code, 'not-found');
        refused++;
        return false;
      });
    const [isCopied] = await Promise.all([copy, site.store.collect({ graceMs: 0 })]);
    if (isCopied) await assertHeld(`copy ${round % 4}`, bytes);
    await site.store.deleteRef('plain', `copy ${round % 4}`);
    await site.store.collect({ graceMs: 0 });
  }
  assert.ok(refused < 200, 'some were given');
});
