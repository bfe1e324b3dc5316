// What a store acknowledged is there when it is opened again: buckets, versions, tombstones and blobs.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());

test('buckets, newest versions, tombstones and sealed blobs survive', async () => {
  await site.put('files', 'kept', 'one');
  await site.put('live', 'moved', 'one');
  await site.put('live', 'moved', 'two');
  await site.put('live', 'deleted', 'three');
  await site.store.deleteRef('live', 'deleted');
  const seen = () => ({
    buckets: site.store.buckets(),
    refs: ['kept', 'moved', 'deleted'].map((name) => [
      site.store.resolve('files', name),
      site.store.resolve('live', name),
    ]),
    names: [allNames(site.store, 'files'), allNames(site.store, 'live')],
  });
  const before = seen();
  await site.reopen();
  assert.deepEqual(seen(), before);
  for (const bytes of ['one', 'two', 'three']) {
    const { level, size } = await site.store.prove(sha256(bytes));
    assert.deepEqual([level, size], ['L1', bytes.length]);
    assert.equal(await readFile(site.blobPath(sha256(bytes)), 'utf8'), bytes);
  }
});

test('after a restart a write-once name refuses other bytes', async () => {
  await site.reopen();
  assert.equal(await site.put('files', 'kept', 'one'), 'same');
  await assert.rejects(site.put('files', 'kept', 'two'), { code: 'name-taken' });
});

test('a store of another layout is refused, and named', async () => {
  await site.store.close();
  const format = join(site.root, 'format');
  const ours = await readFile(format, 'utf8');
  await writeFile(format, 'sealgate store 99\n');
  const refusal = /format: expected "sealgate store 2", found "sealgate store 99"/;
  await assert.rejects(openStore({ root: site.root }), refusal);
  await assert.rejects(openStore({ root: site.root, readOnly: true }), refusal);
  await writeFile(format, ours);
  site.store = await openStore({ root: site.root });
  assert.ok(site.store.resolve('files', 'kept'));
});
