// Seal level L3 in a store, on the ext4 that on-ext4-with-verity.sh makes in a kernel that has fs-verity.

import assert from 'node:assert/strict';
import { copyFile, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { levelOf } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';
import { removeSealed } from '../support/sealed.ts';
import { blobPath, putBytes, sha256, temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
const root = join(dir, 'store');

async function openSite(): Promise<Store> {
  const onLowered = (said: string) => assert.fail(said);
  const store = await openStore({ root, seals: { level: () => 'L3', onLowered } });
  await store.createBucket('files', 'versioned');
  return store;
}

let store = await openSite();
after(async () => {
  await store.close();
  await removeSealed(dir);
});

const bytes = 'kept by fs-verity '.repeat(10_000);
const digest = sha256(bytes);
const path = blobPath(root, digest);

test('a bucket that asks for L3: fs-verity, on record and after a restart; nobody can write', async () => {
  await putBytes(store, 'files', 'a', bytes);
  assert.equal((await store.prove(digest)).level, 'L3');
  assert.match((await store.recorded(digest)).evidence, / verity:[0-9a-f]{64}$/);
  await store.close();
  store = await openSite();
  assert.equal((await store.prove(digest)).level, 'L3');
  await assert.rejects(open(path, 'r+'), { code: 'EPERM' });
  assert.equal((await stat(path)).mode & 0o777, 0o444);
});

test('a copy in its place, as a backup brings it: proved anew, L3 again, by the same digest', async () => {
  const before = (await store.recorded(digest)).evidence;
  await copyFile(path, `${path}.copy`);
  await rename(`${path}.copy`, path);
  assert.equal((await store.prove(digest)).level, 'L3');
  const after = (await store.recorded(digest)).evidence;
  assert.notEqual(after, before);
  assert.equal(after.split(' ')[1], before.split(' ')[1]);
});

test('withdrawn and stored again, then forgotten: no attribute is in the way', async () => {
  await store.quarantine(digest, 'a test wants it');
  await putBytes(store, 'files', 'a', bytes);
  assert.equal(levelOf((await store.recorded(digest)).evidence), 'L3');
  assert.equal(await store.forget(digest, 'a test wants it'), true);
  await assert.rejects(stat(path), { code: 'ENOENT' });
});
