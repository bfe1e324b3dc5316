// When blobs/ is missing for a while, as with a disk that is mounted late, requests get 503 with Retry-After,
// also those with a kept plan; afterwards everything works as before.

import assert from 'node:assert/strict';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const blobs = join(site.dir, 'store/blobs/sha256');
const aside = join(site.dir, 'aside');
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const object = Buffer.alloc(200_000, 'bytes of the object');
await writeFile(join(site.dir, 'object'), object);
for (const name of ['asked', 'unasked'])
  assert.equal((await server.put(`/o/files/${name}`, join(site.dir, 'object'))).status, 201);
assert.equal((await server.curl('/o/files/asked')).status, 200);

/** Moves the contents, because a worker holds the folder itself open. */
async function move(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) await rename(join(from, name), join(to, name));
}

test('blobs/ missing: 503 with Retry-After; blobs/ back: 200', async () => {
  await move(blobs, aside);
  for (const args of [[], ['-I'], []]) {
    const { status, headers } = await server.curl('/o/files/unasked', ...args);
    assert.equal(status, 503);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    assert.equal(headers.get('cache-control'), 'no-store');
  }
  await move(aside, blobs);
  for (const name of ['asked', 'unasked'])
    assert.ok((await server.curl(`/o/files/${name}`)).body.equals(object), name);
});
