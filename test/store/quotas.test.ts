// A bucket's quota is never exceeded, however many write at the same time, and what is refused leaves
// nothing behind.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { importDirectory } from '../../src/store/import.ts';
import { intoStore } from '../../src/store/store_destination.ts';
import { sha256, TestStore } from '../support/store.ts';
import { writeTree } from '../support/tree.ts';

const site = await TestStore.open();
after(() => site.remove());
const { store } = site;

async function outcomes(puts: Promise<unknown>[]): Promise<{ made: number; refused: number }> {
  const ends = await Promise.allSettled(puts);
  const refused = ends.filter((end) => end.status === 'rejected');
  for (const { reason } of refused) assert.equal(reason.code, 'quota-reached', reason.stack);
  return { made: ends.length - refused.length, refused: refused.length };
}

test('of 64 puts at the same time as many are made as the quota of bytes has room for', async () => {
  await store.setBucket('live', { quota: { bytes: 105 } });
  const bytes = (i: number) => `${1_000_000_000 + i}`;
  const puts = Array.from({ length: 64 }, (_, i) => site.put('live', `n${i}`, bytes(i)));
  assert.deepEqual(await outcomes(puts), { made: 10, refused: 54 });
  assert.deepEqual(store.usage('live'), { objects: 10, bytes: 100 });
  const placed = Array.from({ length: 64 }, (_, i) => existsSync(site.blobPath(sha256(bytes(i)))));
  assert.equal(placed.filter(Boolean).length, 10);
  assert.deepEqual(await site.staged(), []);
});

test('of 64 names for the same bytes as many are made as the quota of objects has room for', async () => {
  await store.setBucket('live', { quota: { bytes: 'none', objects: 13 } });
  const digest = sha256('1000000000');
  await site.put('files', 'source', '1000000000');
  const puts = Array.from({ length: 64 }, (_, i) => store.putRef('live', `copy ${i}`, { digest }));
  assert.deepEqual(await outcomes(puts), { made: 3, refused: 61 });
});

test('a refusal says which quota of which bucket, its limit and what is used', async () => {
  await assert.rejects(site.put('live', 'more', 'more'), {
    code: 'quota-reached',
    message:
      'Bucket live has a quota of 13 objects, of which 13 are used; this would add 1. Older versions count ' +
      'until they are collected.',
    about: { bucket: 'live', quota: 'objects', limit: 13, used: 13 },
  });
});

test('at the quota the same bytes again and deletions pass, and a switch is refused as a whole', async () => {
  const [copy] = store.list('live', { prefix: 'copy', after: '', limit: 1 }).entries;
  assert.ok(copy);
  assert.equal(await store.putRef('live', copy.name, { digest: sha256('1000000000') }), 'same');
  const to = { digest: sha256('1000000000') };
  const changes = [{ name: copy.name }, { name: 'new 1', to }];
  await assert.rejects(store.switchNames('live', changes), { code: 'quota-reached' });
  assert.equal(store.resolve('live', copy.name)?.deleted, false);
  assert.equal(await store.deleteRef('live', copy.name), true);
});

test('a quota below the usage can be set, and takes nothing until versions are collected', async () => {
  await store.setBucket('live', { quota: { objects: 5 }, keep: { versions: 0 } });
  await assert.rejects(site.put('live', 'more', 'more'), { code: 'quota-reached' });
  const { entries } = store.list('live', { prefix: '', after: '', limit: 1000 });
  for (const { name } of entries.slice(4)) await store.deleteRef('live', name);
  await assert.rejects(site.put('live', 'more', 'more'), { code: 'quota-reached' });
  await store.collect({ graceMs: 0 });
  assert.deepEqual(store.usage('live')?.objects, 4);
  assert.equal(await site.put('live', 'more', 'more'), 'created');
  await assert.rejects(site.put('live', 'and more', 'more'), { code: 'quota-reached' });
});

test('an import ends at the quota, says so, and goes on once there is room', async () => {
  await store.createBucket('tree', 'write-once');
  await store.setBucket('tree', { quota: { objects: 20 } });
  const directory = `${site.dir}/tree`;
  await writeTree(
    directory,
    Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, `file ${i}`])),
  );
  const run = () => intoStore(store, 'tree', (to) => importDirectory({ to, directory, prefix: '' }));
  const first = await run();
  assert.equal(first.stopped, 'quota-reached');
  assert.match(first.quota ?? '', /^Bucket tree has a quota of 20 objects, of which 20 are used/);
  assert.deepEqual(store.usage('tree')?.objects, 20);
  await store.setBucket('tree', { quota: { objects: 50 } });
  const second = await run();
  assert.deepEqual([second.stopped, second.imported, second.unchanged], [undefined, 30, 20]);
});

test('settings that are not named stay', async () => {
  const { keep, quota } = store.bucket('live') ?? {};
  assert.deepEqual({ keep, quota }, { keep: { versions: 0 }, quota: { objects: 5 } });
  await store.setBucket('live', { keep: 'none', quota: { objects: 'none', bytes: 7 } });
  await site.reopen();
  const { created: _, ...now } = site.store.bucket('live') ?? { created: 0 };
  assert.deepEqual(now, { name: 'live', kind: 'versioned', quota: { bytes: 7 } });
});
