// After a replacement or deletion is acknowledged, no worker uses its old kept plan.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
await writeFile(site.config, JSON.stringify({ ...config, buckets: { live: 'versioned' } }));
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

// Each curl is a new connection, and the kernel spreads them over the workers.
const connections = 12;
const file = join(site.dir, 'version');
const get = () => server.curl('/o/live/list.m3u8');

test('all connections see the version acknowledged last', async () => {
  for (const version of ['one', 'two', 'three']) {
    await writeFile(file, version);
    assert.ok((await server.put('/o/live/list.m3u8', file)).status < 300);
    for (let i = 0; i < connections; i++) assert.equal((await get()).body.toString(), version);
  }
  const deleted = await server.curl(
    '/o/live/list.m3u8',
    '-X',
    'DELETE',
    '-H',
    `Authorization: Bearer ${site.token}`,
  );
  assert.equal(deleted.status, 204);
  for (let i = 0; i < connections; i++) assert.equal((await get()).status, 410);
});
