// A listener on [::] serves IPv4, too, and such a client has its IPv4 address in the access log.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';

test('a request over IPv4 to a listener on [::] is answered, and logged from 127.0.0.1', async () => {
  const site = await createSite();
  const log = join(site.dir, 'access.log');
  const server = await TestServer.start(
    site,
    '--workers',
    '1',
    '--listen',
    'http://[::]:0',
    '--access-log',
    log,
  );
  const { port } = new URL(server.url);
  try {
    for (const host of ['127.0.0.1', '[::1]'])
      assert.equal((await fetch(`http://${host}:${port}/`)).status, 200, host);
  } finally {
    await server.stop();
  }
  const peers = [...(await readFile(log, 'utf8')).matchAll(/"peer":"([^"]*)"/g)].map(([, peer]) => peer);
  await site.remove();
  assert.deepEqual(peers.sort(), ['127.0.0.1', '::1']);
});
