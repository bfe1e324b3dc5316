// 0.0.0.0 and [::] with one port are two listeners, each for its own family.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSite, freePort, TestServer } from '../../support/server.ts';

test('listeners on 0.0.0.0 and [::] with one port respond over IPv4 and IPv6', async () => {
  const site = await createSite();
  const port = await freePort();
  const listen = ['0.0.0.0', '[::]'].flatMap((host) => ['--listen', `http://${host}:${port}`]);
  const server = await TestServer.start(site, '--workers', '2', ...listen);
  try {
    for (const host of ['127.0.0.1', '[::1]'])
      assert.equal((await fetch(`http://${host}:${port}/`)).status, 200, host);
  } finally {
    await server.stop();
    await site.remove();
  }
});
