// tls.groups limits the key exchange groups; a client that offers none of them fails the handshake.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { exchange } from './support.ts';

const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const site = await createSite({ tls: { groups: 'P-384:P-256' } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

test('HelloRetryRequest selects a configured group', async () => {
  const { stdout } = await exchange(server.url, site, last, '-groups', 'X25519:P-384');
  assert.match(stdout, /Server Temp Key: ECDH, (P-384|secp384r1), 384 bits/);
});

test('a client without a configured group fails the handshake', async () => {
  const { status } = await exchange(server.url, site, last, '-groups', 'X25519');
  assert.notEqual(status, 0);
  assert.equal(await server.metric('sealgate_channel_errors_total{class="no-shared-cipher"}'), 1);
});
