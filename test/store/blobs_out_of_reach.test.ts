// A blob whose file cannot be reached is refused for as long as that lasts, and nothing is recorded of it: it
// comes back by itself, or by the same bytes put again.

import assert from 'node:assert/strict';
import { chmod, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());

const unreachable = { code: 'store-read-failed' };
const seal = async (digest: string) => site.store.prove(digest);

test('blobs/ moved away: each blob is refused; moved back: each is served', async () => {
  const digests = await Promise.all(
    ['one', 'two', 'three'].map(async (name) => {
      await site.put('files', name, `bytes of ${name}`);
      return sha256(`bytes of ${name}`);
    }),
  );
  await rename(`${site.root}/blobs`, `${site.root}/elsewhere`);
  for (const digest of digests) await assert.rejects(seal(digest), unreachable);
  await rename(`${site.root}/elsewhere`, `${site.root}/blobs`);
  for (const digest of digests) assert.equal((await seal(digest)).level, 'L1');
});

test('blobs/ moved away: a PUT is refused, and makes no folder in its place', async () => {
  await rename(`${site.root}/blobs`, `${site.root}/elsewhere`);
  await assert.rejects(site.put('files', 'lost', 'bytes of lost'), { code: 'store-write-failed' });
  await rename(`${site.root}/elsewhere`, `${site.root}/blobs`); // fails when there is such a folder
  assert.equal(await site.put('files', 'lost', 'bytes of lost'), 'created');
});

test('a missing file: the same bytes put again bring it back', async () => {
  await site.put('files', 'gone', 'bytes of gone');
  const digest = sha256('bytes of gone');
  await rm(site.blobPath(digest));
  await assert.rejects(seal(digest), unreachable);
  assert.equal(await site.put('files', 'gone', 'bytes of gone'), 'same');
  assert.equal((await seal(digest)).level, 'L1');
});

test('bytes that are said to be wrong and are right: the blob stays', async () => {
  await site.put('files', 'accused', 'bytes of accused');
  const digest = sha256('bytes of accused');
  const { size } = await site.store.prove(digest, 'content');
  assert.equal(size, 'bytes of accused'.length);
  assert.equal((await seal(digest)).level, 'L1');
});

test('a doubted blob: right, out of reach, right again, damaged, and no file', async () => {
  const doubted = async (name: string) => {
    await site.put('files', name, `bytes of ${name}`);
    const digest = sha256(`bytes of ${name}`);
    return { path: site.blobPath(digest), prove: () => site.store.prove(digest, 'content') };
  };
  const damaged = await doubted('damaged');
  await damaged.prove();
  await rename(`${site.root}/blobs`, `${site.root}/elsewhere`);
  await assert.rejects(damaged.prove(), unreachable);
  await rename(`${site.root}/elsewhere`, `${site.root}/blobs`);
  await damaged.prove();
  await chmod(damaged.path, 0o644);
  await writeFile(damaged.path, '!', { flag: 'r+' });
  await assert.rejects(damaged.prove(), { code: 'seal-broken' });
  const replaced = await doubted('replaced');
  await rm(replaced.path);
  await symlink('/etc/hostname', replaced.path);
  await assert.rejects(replaced.prove(), { code: 'seal-broken' });
});
