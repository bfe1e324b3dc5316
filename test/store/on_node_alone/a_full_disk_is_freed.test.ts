// A full disk after a restart, with no blocks allocated ahead: an upload that cannot be recorded leaves no
// file, and forgetting frees what the bytes took.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import type { Store } from '../../../src/store/store.ts';
import { findStrays } from '../../../src/store/verification.ts';
import { mountSmallDisk } from '../../support/small_disk.ts';
import { blobPath, putBytes, sha256, temporaryFolder } from '../../support/store.ts';

const MiB = 1024 * 1024;
const mounted = await mountSmallDisk(48);
const skip = typeof mounted === 'string' && mounted;
const disk = typeof mounted === 'string' ? undefined : mounted;
const outside = await temporaryFolder();
after(async () => {
  await disk?.remove();
  await rm(outside, { recursive: true });
});
const root = join(disk?.dir ?? '', 'store');
const large = Buffer.alloc(8 * MiB, 'large ');
const small = Buffer.alloc(MiB, 'small ');
/** Takes less of the disk than the record that it is forgotten may need. */
const tiny = Buffer.alloc(64 * 1024, 'tiny ');

/** A store with its blobs on a disk that has so much space left. What is copied has no blocks ahead. */
async function storeOnDisk(left: number): Promise<Store> {
  const original = join(outside, 'store');
  if (!existsSync(original)) {
    const store = await openStore({ root: original });
    await store.createBucket('files', 'write-once');
    await putBytes(store, 'files', 'large', large);
    await putBytes(store, 'files', 'small', small);
    await putBytes(store, 'files', 'tiny', tiny);
    await store.close();
  }
  await disk?.makeRoom();
  await rm(root, { recursive: true, force: true });
  await cp(original, root, { recursive: true });
  await disk?.leave(left);
  return openStore({ root });
}

test('a blob whose record finds no space is removed, and verify finds nothing', { skip }, async () => {
  const store = await storeOnDisk(2 * MiB);
  await assert.rejects(putBytes(store, 'files', 'new', 'new'), { code: 'store-full' });
  assert.ok(!existsSync(blobPath(root, sha256('new'))));
  const faults: unknown[] = [];
  await findStrays({
    store,
    signal: new AbortController().signal,
    onFault: (fault) => faults.push(fault),
    onDone: () => {},
  });
  assert.deepEqual(faults, []);
  await disk?.makeRoom();
  assert.equal(await putBytes(store, 'files', 'new', 'new'), 'created');
  await store.close();
});

test('a damaged blob is not served without room for the record, which follows', { skip }, async () => {
  const store = await storeOnDisk(0);
  const path = blobPath(root, sha256(small));
  await chmod(path, 0o644);
  await writeFile(path, 'SMALL', { flag: 'r+' });
  const recorded = async () => store.recorded(sha256(small));
  await assert.rejects(store.prove(sha256(small), 'disk'), { code: 'store-full' });
  await assert.rejects(recorded(), { code: 'seal-broken', message: /cannot be withdrawn now/ });
  await disk?.makeRoom();
  await assert.rejects(store.prove(sha256(small), 'disk'), { code: 'seal-broken' });
  await assert.rejects(recorded(), { code: 'seal-broken', message: /is in quarantine/ });
  assert.ok(!existsSync(path));
  await store.close();
});

test('forget frees the space of a blob that the record of it needs', { skip }, async () => {
  const store = await storeOnDisk(0);
  await assert.rejects(store.deleteRef('files', 'small'), { code: 'store-full' });
  assert.equal(await store.forget(sha256(large), 'room'), true);
  const forgotten = [{ digest: sha256(large), state: 'forgotten', why: 'room' }];
  assert.deepEqual(store.known({ only: sha256(large) }), forgotten);
  assert.ok(!existsSync(blobPath(root, sha256(large))));
  assert.equal(await store.deleteRef('files', 'small'), true);
  await store.close();
});

test('forget of a blob too small for the record removes it, says so, and can be done again', {
  skip,
}, async () => {
  const store = await storeOnDisk(0);
  const message = /^The files of blob [0-9a-f]{64} are removed, .* then forget it again\.$/;
  await assert.rejects(store.forget(sha256(tiny), 'room'), { code: 'store-full', message });
  assert.ok(!existsSync(blobPath(root, sha256(tiny))));
  assert.equal(await store.forget(sha256(large), 'room'), true);
  assert.equal(await store.forget(sha256(tiny), 'room'), true);
  const forgotten = [{ digest: sha256(tiny), state: 'forgotten', why: 'room' }];
  assert.deepEqual(store.known({ only: sha256(tiny) }), forgotten);
  await store.close();
});
