// firstRead: a blob whose bytes were changed below the file system, so that inode, size and ctime are as
// recorded, is delivered by a store that trusts them and found by one that hashes what it reads for the first
// time.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { putBytes, sha256, TestStore, temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true, force: true }));

const bytes = `${'sealed '.repeat(2000)}once and for all`;
const digest = sha256(bytes);

/** Runs a command that needs root; false where this machine does not allow it. */
function asRoot(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

test('one block changed on the device: firstRead hash withdraws the blob', async (t) => {
  const [image, mount] = [join(dir, 'image'), join(dir, 'mount')];
  await writeFile(image, Buffer.alloc(64 * 2 ** 20));
  await mkdir(mount);
  execFileSync('mkfs.ext4', ['-q', '-E', 'nodiscard,lazy_itable_init=0', image]);
  if (!asRoot('mount', '-o', 'loop', image, mount)) return t.skip('mounting an image is not allowed here');
  try {
    const root = join(mount, 'store');
    const made = await openStore({ root });
    await made.createBucket('files', 'write-once');
    await putBytes(made, 'files', 'name', bytes);
    await made.close();
    assert.ok(asRoot('umount', mount));
    await changeOnDisk(image, 'once and for all', 'twice and never.');
    assert.ok(asRoot('mount', '-o', 'loop', image, mount));

    const store = await openStore({ root });
    assert.equal((await store.recorded(digest, 'trust')).digest, digest);
    await assert.rejects(async () => store.recorded(digest, 'hash'), { code: 'seal-broken' });
    await assert.rejects(async () => store.recorded(digest, 'trust'), { code: 'seal-broken' });
    await store.close();
  } finally {
    asRoot('umount', mount);
  }
});

async function changeOnDisk(image: string, from: string, to: string): Promise<void> {
  const at = (await readFile(image)).indexOf(from);
  assert.ok(at > 0, 'the image holds the bytes');
  const file = await open(image, 'r+');
  await file.write(to, at);
  await file.close();
}

test('a sound blob: the first read is hashed, once', async () => {
  const site = await TestStore.open();
  await site.put('files', 'sound', bytes);
  await site.reopen();
  const first = site.store.recorded(digest, 'hash');
  assert.ok(first instanceof Promise);
  assert.equal((await first).digest, digest);
  assert.ok(!(site.store.recorded(digest, 'hash') instanceof Promise));
  await site.remove();
});
