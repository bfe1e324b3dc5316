// A blob that is no longer what was recorded is withdrawn before it is delivered, its file is kept aside,
// and the same bytes put again heal it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());

const damages: Record<string, (blob: string) => Promise<void>> = {
  truncated: async (blob) => {
    await chmod(blob, 0o644);
    await truncate(blob, 5);
  },
  emptied: async (blob) => {
    await chmod(blob, 0o644);
    await truncate(blob, 0);
  },
  'longer than recorded': async (blob) => {
    await chmod(blob, 0o644);
    await writeFile(blob, ' and more', { flag: 'a' });
  },
  'changed in one byte': async (blob) => {
    await chmod(blob, 0o644);
    await writeFile(blob, '!', { flag: 'r+' });
    await chmod(blob, 0o444);
  },
  'replaced by another file': async (blob) => {
    const { length } = await readFile(blob);
    await rm(blob);
    await writeFile(blob, 'x'.repeat(length), { mode: 0o444 });
  },
  'replaced by a link': async (blob) => {
    await rm(blob);
    await symlink('/etc/hostname', blob);
  },
  'replaced by a FIFO': async (blob) => {
    await rm(blob);
    execFileSync('mkfifo', ['-m', '444', blob]);
  },
  'replaced by a folder': async (blob) => {
    await rm(blob);
    await mkdir(blob);
  },
};

const broken = { code: 'seal-broken' };
const sealing = async (digest: string) => site.store.prove(digest);
const keptAside = async (digest: string) =>
  (await readdir(`${site.root}/quarantine`)).filter((name) => name.startsWith(`${digest}.`));

for (const [damage, harm] of Object.entries(damages)) {
  test(`a blob that is ${damage}`, async () => {
    const bytes = `bytes of the blob that is ${damage}`;
    const digest = sha256(bytes);
    await site.put('files', damage, bytes);
    await harm(site.blobPath(digest));

    await assert.rejects(sealing(digest), broken);
    await assert.rejects(sealing(digest), broken);
    assert.equal(site.store.blob(digest), undefined);
    assert.equal((await keptAside(digest)).length, 1);
    await site.reopen();
    await assert.rejects(sealing(digest), broken);

    assert.equal(await site.put('files', damage, bytes), 'same');
    assert.equal((await sealing(digest)).level, 'L1');
    assert.equal(await readFile(site.blobPath(digest), 'utf8'), bytes);
    await site.reopen();
    assert.equal((await sealing(digest)).level, 'L1');
  });

  test(`the same bytes heal a blob that is ${damage} before anybody has asked for it`, async () => {
    const bytes = `bytes put twice of the blob that is ${damage}`;
    const digest = sha256(bytes);
    await site.put('files', `${damage} unseen`, bytes);
    await harm(site.blobPath(digest));
    assert.equal(await site.put('files', `${damage} unseen`, bytes), 'same');
    assert.equal((await sealing(digest)).level, 'L1');
    assert.equal(await readFile(site.blobPath(digest), 'utf8'), bytes);
  });
}

test('a crash left a torn file where an upload goes: the upload is stored, the file kept aside', async () => {
  const bytes = 'bytes that a power cut left a part of';
  const blob = site.blobPath(sha256(bytes));
  await mkdir(dirname(blob), { recursive: true });
  await writeFile(blob, 'bytes that', { mode: 0o444 });
  assert.equal(await site.put('files', 'torn', bytes), 'created');
  assert.equal(await readFile(blob, 'utf8'), bytes);
  assert.equal((await keptAside(sha256(bytes))).length, 1);
});

test('a reader sees the damage and moves nothing', async () => {
  const digest = sha256('read only');
  await site.put('files', 'read only', 'read only');
  await damages['changed in one byte']?.(site.blobPath(digest));
  const reader = await openStore({ root: site.root, readOnly: true });
  await assert.rejects(async () => reader.prove(digest), broken);
  await reader.close();
  assert.deepEqual(await keptAside(digest), []);
  assert.equal(await readFile(site.blobPath(digest), 'utf8'), '!ead only');
});

test('a damaged blob that cannot be moved is withdrawn all the same', async () => {
  const digest = sha256('stays in its place');
  await site.put('files', 'stays', 'stays in its place');
  await damages['changed in one byte']?.(site.blobPath(digest));
  const quarantine = `${site.root}/quarantine`;
  await rename(quarantine, `${site.root}/away`);
  await writeFile(quarantine, 'no folder');
  await assert.rejects(sealing(digest), { code: 'seal-broken', message: /cannot be moved.*quarantine/ });
  assert.equal(site.store.blob(digest), undefined);
  await rm(quarantine);
  await rename(`${site.root}/away`, quarantine);
});

test('many who ask at once for a damaged blob are all refused, and it is moved once', async () => {
  const digest = sha256('asked for by many');
  await site.put('files', 'asked', 'asked for by many');
  await damages['changed in one byte']?.(site.blobPath(digest));
  const asked = await Promise.allSettled(Array.from({ length: 10 }, () => sealing(digest)));
  for (const { status } of asked) assert.equal(status, 'rejected');
  assert.equal((await keptAside(digest)).length, 1);
});
