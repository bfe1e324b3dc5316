// A forgotten blob: its file is gone, wherever the store had put it, and its bytes may come again.

import assert from 'node:assert/strict';
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { SealgateError } from '../../src/errors.ts';
import { sha256, TestStore } from '../support/store.ts';

const opened = await TestStore.open();
after(() => opened.remove());
const forgotten = (error: unknown) => error instanceof SealgateError && error.code === 'content-forgotten';
const missing = (path: string) => assert.rejects(access(path), { code: 'ENOENT' });

test('the file and its record are gone, the names stay', async () => {
  const digest = sha256('secret');
  await opened.put('files', 'name', 'secret');
  assert.equal(await opened.store.forget(digest, 'why'), true);
  await missing(opened.blobPath(digest));
  assert.equal(opened.store.blob(digest), undefined);
  assert.throws(() => opened.store.recorded(digest), forgotten);
  assert.equal(opened.store.resolve('files', 'name')?.deleted, false);
  await opened.reopen();
  assert.throws(() => opened.store.recorded(digest), forgotten);
});

test('a blob that is damaged and in quarantine is forgotten too, with the file in quarantine', async () => {
  const digest = sha256('damaged');
  await opened.put('files', 'damaged', 'damaged');
  await opened.store.quarantine(digest, 'content');
  const quarantined = async () =>
    (await readdir(join(opened.root, 'quarantine'))).filter((name) => name.startsWith(digest));
  assert.equal((await quarantined()).length, 1);
  assert.equal(await opened.store.forget(digest, 'why'), true);
  assert.deepEqual(await quarantined(), []);
  assert.throws(() => opened.store.recorded(digest), forgotten);
});

test('a forgotten blob is not withdrawn once more by a late report of its damage', async () => {
  const digest = sha256('secret');
  await opened.store.quarantine(digest, 'content');
  assert.throws(() => opened.store.recorded(digest), forgotten);
});

test('a file that a crash left behind its record is removed by the same call', async () => {
  const digest = sha256('secret');
  await mkdir(dirname(opened.blobPath(digest)), { recursive: true });
  await writeFile(opened.blobPath(digest), 'secret');
  assert.equal(await opened.store.forget(digest, 'why'), true);
  await missing(opened.blobPath(digest));
});

test('a quarantine folder that is missing: the blob is forgotten all the same', async () => {
  const digest = sha256('nowhere to withdraw to');
  await opened.put('files', 'nowhere', 'nowhere to withdraw to');
  await rename(join(opened.root, 'quarantine'), join(opened.root, 'away'));
  assert.equal(await opened.store.forget(digest, 'why'), true);
  await rename(join(opened.root, 'away'), join(opened.root, 'quarantine'));
  await missing(opened.blobPath(digest));
});

test('a quarantine that cannot be read: an error that says so, and the served file is gone', async () => {
  const digest = sha256('half forgotten');
  await opened.put('files', 'half', 'half forgotten');
  const quarantine = join(opened.root, 'quarantine');
  await rename(quarantine, join(opened.root, 'away'));
  await writeFile(quarantine, 'no folder');
  const failed = { code: 'store-write-failed', message: /is to be forgotten.*quarantine.*again/ };
  await assert.rejects(opened.store.forget(digest, 'why'), failed);
  await missing(opened.blobPath(digest));
  await rm(quarantine);
  await rename(join(opened.root, 'away'), quarantine);
  assert.equal(await opened.store.forget(digest, 'why'), true);
});

test('forget removes the bytes that the sentinel received in place of the blob', async () => {
  const digest = sha256('watched');
  await opened.put('files', 'watched', 'watched');
  const received = join(opened.root, 'quarantine', `sentinel-1-canary-${digest}`);
  await writeFile(received, 'watched, nearly');
  assert.equal(await opened.store.forget(digest, 'why'), true);
  await missing(received);
});

test('the same bytes stored again are there, under the old name and a new one', async () => {
  const digest = sha256('secret');
  assert.equal(await opened.put('files', 'another', 'secret'), 'created');
  assert.equal((await opened.store.prove(digest)).level, 'L1');
  assert.equal(await opened.put('files', 'name', 'secret'), 'same');
});

test('a digest that was never stored is not forgotten', async () => {
  assert.equal(await opened.store.forget('0'.repeat(64), 'why'), false);
});
