// What a store consists of beside blobs and metadata: who may see it, who holds it, and what is left of it by
// a power cut or by somebody who tidied up.

import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.put('files', 'kept', 'kept bytes');

const cli = (...args: string[]) => outcome(spawnCli([...args, '--store', site.root]));

test('a store is open to its owner alone, and one that is not is closed to others', async () => {
  assert.equal((await stat(site.root)).mode & 0o777, 0o700);
  await chmod(site.root, 0o755);
  await site.reopen();
  assert.equal((await stat(site.root)).mode & 0o777, 0o700);
});

test('a second process is refused although the lock file was removed', async () => {
  await rm(join(site.root, 'lock'));
  const { status, stderr } = await cli('bucket', 'create', 'other');
  assert.equal(status, 1);
  assert.match(stderr, /has this store open for writing/);
  assert.equal(site.store.bucket('other'), undefined);
});

test('an empty format file, as a power cut may leave it, is written anew', async () => {
  const format = join(site.root, 'format');
  await writeFile(format, '');
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.equal(reader.resolve('files', 'kept')?.deleted, false);
  await reader.close();
  await site.reopen();
  assert.equal(await readFile(format, 'utf8'), 'sealgate store 1\n');
  assert.equal(site.store.resolve('files', 'kept')?.deleted, false);
});

test('another format is refused, with what was found', async () => {
  const format = join(site.root, 'format');
  await site.store.close();
  await writeFile(format, 'sealgate store 9\n');
  await assert.rejects(openStore({ root: site.root }), /found "sealgate store 9"/);
  await writeFile(format, 'sealgate store 1\n');
  site.store = await openStore({ root: site.root });
});

test('a lock file of LMDB that cannot be opened is a sentence, not a crash', async () => {
  await site.store.close();
  const lock = join(site.root, 'meta/lock.mdb');
  await rename(lock, `${lock}.kept`);
  await mkdir(lock);
  for (const args of [
    ['ls', 'files'],
    ['bucket', 'create', 'other'],
  ]) {
    const { status, stderr } = await cli(...args);
    assert.equal(status, 1);
    assert.match(stderr, /^sealgate: [^\n]*meta\/lock\.mdb: cannot be opened [^\n]*EISDIR[^\n]*\n$/);
  }
  await rmdir(lock);
  await rename(`${lock}.kept`, lock);
  site.store = await openStore({ root: site.root });
});
