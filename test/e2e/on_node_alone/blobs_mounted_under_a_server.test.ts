// The disk of blobs/ goes and comes back under a running server: not ready while it is away, ready again by
// itself, and uploads and downloads work on it.

import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';
import { bindFolder, mountSmallDisk, unmount } from '../../support/small_disk.ts';

const site = await createSite();
const blobs = join(site.dir, 'store/blobs');
const disk = await mountSmallDisk(64);
const skip = typeof disk === 'string' && disk;
const away = typeof disk === 'string' ? '' : disk.dir;
let server = await TestServer.start(site, '--workers', '1');
let mounts = 0;
after(async () => {
  await server.stop();
  while (mounts-- > 0) unmount(blobs);
  if (typeof disk !== 'string') await disk.remove();
  await site.remove();
});

function mount(): void {
  assert.equal(bindFolder(away, blobs), undefined);
  mounts++;
}

async function ready(): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.control}/readyz`);
  return { status: answer.status, text: await answer.text() };
}

async function put(name: string): Promise<number> {
  await writeFile(join(site.dir, 'object'), `bytes of ${name}`);
  return (await server.put(`/o/files/${name}`, join(site.dir, 'object'))).status;
}

async function assertServed(...names: string[]): Promise<void> {
  for (const name of names)
    assert.equal((await server.curl(`/o/files/${name}`)).body.toString(), `bytes of ${name}`);
}

test('blobs/ moved to another disk that is mounted: 503 before, 200 after, and nothing is lost', {
  skip,
}, async () => {
  assert.equal(await put('one'), 201);
  await rename(blobs, `${blobs}.moved`);
  await mkdir(blobs);
  const { status, text } = await ready();
  assert.equal(status, 503);
  assert.match(text, /^store: .*\/blobs\/id cannot be looked at \(ENOENT\)\n$/);
  assert.equal(await put('early'), 500);
  assert.deepEqual(await readdir(blobs), []);
  await cp(`${blobs}.moved`, away, { recursive: true });
  mount();
  assert.equal((await ready()).status, 200);
  await assertServed('one');
  assert.equal(await put('two'), 201);
  await assertServed('one', 'two');
});

test('a start on the mount: the disk goes, nothing is stored in its place, and it comes back', {
  skip,
}, async () => {
  await server.stop();
  server = await TestServer.start(site, '--workers', '1');
  assert.equal(await put('three'), 201);
  unmount(blobs);
  mounts--;
  assert.equal((await ready()).status, 503);
  assert.equal(await put('four'), 500);
  assert.deepEqual(await readdir(blobs), []);
  mount();
  assert.equal((await ready()).status, 200);
  assert.equal(await put('four'), 201);
  await assertServed('one', 'two', 'three', 'four');
});
