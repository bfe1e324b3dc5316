// 0.0.0.0 and [::] with one port are two listeners, each for its own family.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

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
