// backup beside a running server, and a server on the backup: the same bytes under the same names.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const server = await TestServer.start(site, '--workers', '1');
const to = join(site.dir, 'backup');
after(async () => {
  await server.stop();
  await site.remove();
});

test('a server on the backup answers with the bytes that were stored, and takes more', async () => {
  await writeFile(join(site.dir, 'file'), 'x'.repeat(300_000));
  assert.equal((await server.put('/o/files/kept', join(site.dir, 'file'))).status, 201);
  assert.match(
    await runCli('backup', to, '--config', site.config),
    /has 1 blobs, 293\.0 KiB; 1 were copied now/,
  );
  assert.match(await runCli('verify', '--store', to, '--config', site.config), /1 blobs verified, all right/);

  const config = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(`${site.config}.restored`, JSON.stringify({ ...config, store: './backup' }));
  const restored = await TestServer.start({ ...site, config: `${site.config}.restored` }, '--workers', '1');
  try {
    const { status, body } = await restored.curl('/o/files/kept');
    assert.deepEqual([status, body.length], [200, 300_000]);
    assert.equal((await restored.put('/o/files/new', join(site.dir, 'file'))).status, 201);
  } finally {
    await restored.stop();
  }
});

test('a folder that is not empty: status 1, one line, and nothing is written', async () => {
  const { status, stderr } = await outcome(spawnCli(['backup', site.dir, '--config', site.config]));
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: .*: is no backup of .*; name one, or a folder that is empty[^\n]*\n$/);
});
