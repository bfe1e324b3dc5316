// A blob whose inode is not the recorded one but whose content is: it is hashed again and delivered, at the
// level that its file allows.

import assert from 'node:assert/strict';
import { chmod, copyFile, link, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const sealing = async (digest: string) => site.store.prove(digest);

const touches: Record<string, (blob: string) => Promise<void>> = {
  'made writable': (blob) => chmod(blob, 0o644),
  'given another time': (blob) => utimes(blob, 1, 1),
  'restored from a copy': async (blob) => {
    await copyFile(blob, `${blob}.copy`);
    await chmod(`${blob}.copy`, 0o600);
    await rename(`${blob}.copy`, blob);
  },
};

for (const [touch, change] of Object.entries(touches)) {
  test(`a blob that was ${touch} is delivered at L1 again`, async () => {
    const digest = sha256(touch);
    await site.put('files', touch, touch);
    const { evidence } = await site.store.recorded(digest);
    await change(site.blobPath(digest));
    assert.equal((await sealing(digest)).level, 'L1');
    assert.equal((await stat(site.blobPath(digest))).mode & 0o777, 0o444);
    assert.deepEqual(await site.quarantined(), []);
    const proved = await site.store.recorded(digest);
    assert.notEqual(proved.evidence, evidence, 'the proof is recorded');
    await site.reopen();
    assert.deepEqual(await site.store.recorded(digest), proved, 'the proof outlives the process');
    assert.equal((await sealing(digest)).level, 'L1');
    assert.deepEqual(await site.store.recorded(digest), proved, 'and is not made twice');
  });
}

test('a blob with a second link cannot be pinned: it is delivered at L0', async () => {
  const digest = sha256('linked');
  await site.put('files', 'linked', 'linked');
  await link(site.blobPath(digest), join(site.dir, 'second name'));
  assert.equal((await sealing(digest)).level, 'L0');
  await rm(join(site.dir, 'second name'));
  assert.equal((await sealing(digest)).level, 'L1');
});

test('a reader proves for itself and records nothing', async () => {
  const digest = sha256('read');
  await site.put('files', 'read', 'read');
  await utimes(site.blobPath(digest), 1, 1);
  const reader = await openStore({ root: site.root, readOnly: true });
  for (const _ of [1, 2]) {
    assert.equal((await reader.prove(digest)).level, 'L1');
  }
  await reader.close();
  assert.equal(await readFile(site.blobPath(digest), 'utf8'), 'read');
});

test('the same bytes put again prove a touched blob', async () => {
  const digest = sha256('put again');
  await site.put('files', 'put again', 'put again');
  await chmod(site.blobPath(digest), 0o600);
  const { ino } = await stat(site.blobPath(digest));
  assert.equal(await site.put('files', 'put again', 'put again'), 'same');
  assert.equal((await stat(site.blobPath(digest))).ino, ino);
  assert.equal((await sealing(digest)).level, 'L1');
});
