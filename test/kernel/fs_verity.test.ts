// Seal level L3 in a store, on the ext4 that on-file-system.sh makes in a kernel that has fs-verity.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFile, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { levelOf } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';
import { blockSize, damageBlock } from '../support/damaged_disk.ts';
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

test('a byte changes on the disk: the blob is refused until its bytes are stored again, at L3', async () => {
  const content = randomBytes(16 * blockSize);
  const damaged = sha256(content);
  const unreadable = { code: 'store-read-failed' };
  await putBytes(store, 'files', 'b', content);
  assert.equal((await store.prove(damaged)).level, 'L3');
  await damageBlock(content.subarray(8 * blockSize, 9 * blockSize));
  await assert.rejects(store.prove(damaged, 'content'), unreadable);
  assert.throws(() => store.recorded(damaged), unreadable);
  await putBytes(store, 'files', 'b', content);
  assert.equal((await store.prove(damaged)).level, 'L3');
  assert.deepEqual(await readFile(blobPath(root, damaged)), content);
});
