// Blobs that are not in the page cache are opened and read by I/O threads and delivered as usual.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';
import { mountImage } from '../../support/small_disk.ts';

const mounted = await mountImage(64);
const skip = typeof mounted === 'string' && mounted;
const disk = typeof mounted === 'string' ? undefined : mounted;
const site = await createSite({ ...(disk && { store: join(disk.dir, 'store') }) });
after(async () => {
  await disk?.remove();
  await site.remove();
});

const sizes = { small: 1000, large: 300_000 };
const bytesOf = (name: keyof typeof sizes) => Buffer.alloc(sizes[name], `${name} `);
const names = Object.keys(sizes) as (keyof typeof sizes)[];

async function withServer(work: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

test('after a remount, blobs are delivered and cold opens and reads are counted', { skip }, async () => {
  await withServer(async (server) => {
    for (const name of names) {
      await writeFile(join(site.dir, name), bytesOf(name));
      assert.equal((await server.put(`/o/files/${name}`, join(site.dir, name))).status, 201);
    }
  });
  disk?.forget();
  await withServer(async (server) => {
    for (const name of names) {
      const { status, body } = await server.curl(`/o/files/${name}`);
      assert.equal(status, 200);
      assert.ok(body.equals(bytesOf(name)));
    }
    assert.equal(await server.metric('sealgate_cold_opens_total'), names.length);
    for (const name of names) assert.equal((await server.curl(`/o/files/${name}`)).status, 200);
    assert.equal(await server.metric('sealgate_cold_opens_total'), names.length, 'then they are');
  });
});
