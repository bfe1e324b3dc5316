// What unfinished uploads left in staging is removed when the store is opened for writing, and only then.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.put('files', 'kept', 'kept bytes');

test('files and folders go, their number is told, and blobs stay', async () => {
  await site.store.close();
  await writeFile(join(site.root, 'staging', 'half-an-upload'), 'half');
  await mkdir(join(site.root, 'staging', 'folder'));
  await writeFile(join(site.root, 'staging', 'folder', 'file'), 'x');
  const told: number[] = [];
  site.store = await openStore({ root: site.root, onRecovered: (files) => told.push(files) });
  assert.deepEqual(told, [2]);
  assert.deepEqual(await site.staged(), []);
  assert.equal((await site.store.prove(sha256('kept bytes'))).level, 'L1');
});

test('nothing is told where nothing was left', async () => {
  await site.store.close();
  site.store = await openStore({ root: site.root, onRecovered: () => assert.fail('staging was empty') });
});

test('a reader and a refused writer leave the uploads of the process that writes alone', async () => {
  const upload = site.store.stagingPath();
  await writeFile(upload, 'under way');
  const reader = await openStore({ root: site.root, readOnly: true });
  await reader.close();
  await assert.rejects(openStore({ root: site.root }), /open for writing/);
  assert.equal((await site.staged()).length, 1);
});
