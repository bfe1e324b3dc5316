// blobs/ is a mount of its own, on another disk or bound from the same one: no file can be renamed into it
// from staging/, so files pass through folders in blobs/.

import assert from 'node:assert/strict';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import { rebuildStore } from '../../../src/store/rebuild.ts';
import type { Fault } from '../../../src/store/verification.ts';
import { findStrays } from '../../../src/store/verification.ts';
import { bindFolder, mountSmallDisk, unmount } from '../../support/small_disk.ts';
import { allNames, sha256, TestStore } from '../../support/store.ts';

const disk = await mountSmallDisk(32);
const skip = typeof disk === 'string' && disk;
const site = await TestStore.open();
const blobs = join(site.root, 'blobs');
let mounts = 0;
after(async () => {
  await site.store.close();
  while (mounts-- > 0) unmount(blobs);
  if (typeof disk !== 'string') await disk.remove();
  await site.remove();
});

/** The store's blobs on another mount, as somebody moves them. */
async function moveBlobs(from: string, put: () => string | undefined): Promise<void> {
  await rename(blobs, from);
  await mkdir(blobs);
  assert.equal(put(), undefined);
  mounts++;
}

function filesIn(folder: string): Promise<string[]> {
  return readdir(join(site.root, folder)).catch(() => []);
}

test('an ordinary store has no such folders, and nothing is left of the trial', async () => {
  await site.put('live', 'before', 'before');
  await site.store.quarantine(sha256('before'), 'content');
  assert.deepEqual((await readdir(blobs)).sort(), ['id', 'sha256']);
  assert.deepEqual(await filesIn('staging'), []);
});

test('mounted while the store is open: what was staged elsewhere is copied, and stays what it is', {
  skip,
}, async () => {
  await moveBlobs(`${blobs}.bound`, () => bindFolder(`${blobs}.bound`, blobs));
  assert.equal(await site.put('live', 'first', 'first'), 'created');
  assert.equal((await site.store.prove(sha256('first'))).level, 'L1');
  assert.deepEqual(await filesIn('staging'), []);
  assert.deepEqual(await filesIn('blobs/staging'), []);
});

test('opened anew: objects are stored, withdrawn and given back within the mount', { skip }, async () => {
  await site.reopen();
  assert.ok(site.store.stagingPath().startsWith(join(blobs, 'staging')));
  assert.equal(await site.put('live', 'second', 'second'), 'created');
  const digest = sha256('second');
  await site.store.quarantine(digest, 'content');
  assert.equal((await filesIn('blobs/quarantine')).length, 1);
  assert.equal(await site.store.restore(digest), 'restored');
  assert.equal((await site.store.prove(digest)).level, 'L1');
  assert.deepEqual(await filesIn('blobs/quarantine'), []);
});

test('a blob withdrawn before the mount is restored too, or forgotten', { skip }, async () => {
  const digest = sha256('before');
  assert.equal(await site.store.restore(digest), 'restored');
  assert.deepEqual(await filesIn('quarantine'), []);
  await site.store.quarantine(digest, 'content');
  assert.equal(await site.store.forget(digest, 'why'), true);
  assert.deepEqual(await filesIn('blobs/quarantine'), []);
});

test('unfinished uploads are removed at open, and never taken for blobs', { skip }, async () => {
  await writeFile(site.store.stagingPath(), 'half');
  await writeFile(join(site.root, 'staging', 'older'), 'half');
  const faults: Fault[] = [];
  const { signal } = new AbortController();
  const onFault = (fault: Fault) => faults.push(fault);
  await findStrays({ store: site.store, onFault, onDone: () => {}, signal });
  assert.deepEqual(faults, []);
  await site.store.close();
  const told: number[] = [];
  site.store = await openStore({ root: site.root, onRecovered: (files) => told.push(files) });
  assert.deepEqual(told, [2]);
  assert.deepEqual(allNames(site.store, 'live').sort(), ['before', 'first', 'second']);
});

test('a rebuild withdraws damage within the mount', { skip }, async () => {
  await site.put('live', 'third', 'third');
  await site.store.close();
  const stranger = site.blobPath(sha256('stranger'));
  await mkdir(join(stranger, '..'), { recursive: true });
  await writeFile(stranger, 'other bytes', { mode: 0o444 });
  assert.equal((await rebuildStore(site.root)).withdrawn, 1);
  assert.equal((await filesIn('blobs/quarantine')).length, 1);
  site.store = await openStore({ root: site.root });
  assert.equal((await site.store.prove(sha256('third'))).level, 'L1');
});

test('the blobs back among the rest: ordinary folders again', { skip }, async () => {
  await site.store.close();
  unmount(blobs);
  mounts--;
  await rename(blobs, `${blobs}.empty`);
  await rename(`${blobs}.bound`, blobs);
  site.store = await openStore({ root: site.root });
  assert.ok(site.store.stagingPath().startsWith(join(site.root, 'staging')));
  assert.equal((await site.store.prove(sha256('second'))).level, 'L1');
  assert.equal(await site.put('live', 'fourth', 'fourth'), 'created');
});
