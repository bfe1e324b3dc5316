// One process at a time writes to a store, and others are told which; any number may read beside it.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { allNames, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.put('files', 'first', 'first bytes');

const cli = (...args: string[]) => outcome(spawnCli([...args, '--store', site.root]));

for (const args of [
  ['put', 'package.json', 'files/second'],
  ['import', 'test/store'],
  ['bucket', 'create', 'other'],
]) {
  test(`another process is refused 'sealgate ${args[0]}', with the pid of the one that writes`, async () => {
    const { status, stdout, stderr } = await cli(...args);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(
      stderr,
      new RegExp(`^sealgate: ${site.root}: process ${process.pid} has this store open [^\n]*\n$`),
    );
  });
}

test('a refused writer changes nothing', async () => {
  assert.deepEqual(allNames(site.store, 'files'), ['first']);
  assert.equal(site.store.bucket('other'), undefined);
  assert.deepEqual(await site.staged(), []);
});

test('another process reads what was written before and since', async () => {
  assert.match((await cli('ls', 'files')).stdout, /first\n$/);
  await site.put('files', 'second', 'second bytes');
  assert.match((await cli('ls', 'files')).stdout, /first\n.*second\n$/);
  assert.equal((await cli('get', 'files/second')).stdout, 'second bytes');
  assert.match((await cli('stat', 'files/second')).stdout, /seal level {2}L1\n$/);
});

// A reader keeps its view of the metadata for a turn of its event loop or two.
test('an open reader follows the writer', async () => {
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.equal(reader.resolve('files', 'third'), undefined);
  await site.put('files', 'third', 'third bytes');
  const deleted = () => reader.resolve('files', 'third')?.deleted;
  await until(deleted, (found) => found === false, 'the name appears');
  await site.store.deleteRef('files', 'third');
  await until(deleted, (found) => found === true, 'the name disappears');
  await reader.close();
});

test('a reader takes no lock and makes no store', async () => {
  const nowhere = join(site.dir, 'nowhere');
  await assert.rejects(openStore({ root: nowhere, readOnly: true }), /nowhere: there is no store here/);
  assert.ok(!(await readdir(site.dir)).includes('nowhere'));
});

test('the next process writes once the first has closed', async () => {
  await site.store.close();
  const { status, stdout } = await cli('put', 'package.json', 'files/package.json');
  assert.deepEqual([status, stdout.split(' ').slice(0, 2)], [0, ['files/package.json', 'created']]);
  site.store = await openStore({ root: site.root });
  assert.ok(site.store.resolve('files', 'package.json'));
});
