// A connection that waits for room at the limit of connections is closed, and counted, once it has waited as
// long as a handshake may take.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const limit = 8;
const site = await createSite({
  limits: { connections: limit, headTimeout: 3_600_000, handshakeTimeout: 300 },
});
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});

async function begun(): Promise<Wire> {
  const wire = await Wire.open(server.url, undefined, '127.0.0.2');
  wire.send('GET / HTTP/1.1\r\n');
  return wire;
}

test('a connection beyond the limit, of a client that holds all: closed after handshakeTimeout', async () => {
  const held = await Promise.all(Array.from({ length: limit }, begun));
  const heads = () => server.metric('sealgate_connections{state="head"}');
  await until(heads, (count) => count === limit, 'heads under way');
  const further = await begun();
  const { rest } = await further.ended();
  assert.equal(rest, '');
  assert.equal(await server.metric('sealgate_connections_turned_away_total'), 1);
  for (const wire of held) {
    wire.send('Host: localhost\r\nConnection: close\r\n\r\n');
    assert.equal((await wire.response()).status, 200);
  }
});
