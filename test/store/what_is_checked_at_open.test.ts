// Reading all pages of the metadata takes longer than the rest of a start: a file that nobody has touched
// since its writer closed it is spared, and so is one that a living writer has checked.

import assert from 'node:assert/strict';
import { open, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAsClosed, isBeingWritten } from '../../src/store/closing.ts';
import { pageFault } from '../../src/store/page_check.ts';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const data = join(site.root, 'meta/data.mdb');
await Promise.all(Array.from({ length: 600 }, (_, n) => site.put('files', `name ${n}`, `bytes ${n % 9}`)));

test('an open store is being written, and is not as closed', () => {
  assert.deepEqual([isBeingWritten(site.root), isAsClosed(site.root, data)], [true, false]);
});

test('a closed store is as closed, until somebody touches the file or opens the store', async () => {
  await site.store.close();
  assert.deepEqual([isBeingWritten(site.root), isAsClosed(site.root, data)], [false, true]);
  await utimes(data, 1, 1);
  assert.equal(isAsClosed(site.root, data), false);
  await site.reopen();
  assert.equal(isAsClosed(site.root, data), false);
});

test('an overwritten leaf is found only where all pages are read', async () => {
  await site.store.close();
  assert.deepEqual([pageFault(data, 'top'), pageFault(data, 'all')], [undefined, undefined]);
  const file = await open(data, 'r+');
  const page = Buffer.alloc(4096);
  // The leaves with names; the one of the table `state` has the last commit, and is the root of its tree.
  for (let at = 8192; (await file.read(page, 0, 4096, at)).bytesRead === 4096; at += 4096) {
    const isOfNames = page.readUInt16LE(18) === 2 && page.includes('name ') && !page.includes('last');
    if (isOfNames) await file.write(Buffer.alloc(8, 0x5a), 0, 8, at);
  }
  await file.close();
  assert.equal(pageFault(data, 'top'), undefined);
  assert.match(pageFault(data, 'all') ?? '', /is overwritten/);
  await assert.rejects(site.reopen(), /sealgate rebuild/);
});
