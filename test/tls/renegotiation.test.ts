// TLS 1.2 renegotiation is refused, and the connection continues.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { converse } from './support.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

test('renegotiation gets a no_renegotiation alert, and the connection continues', async () => {
  const session = converse(server.url, site, '-tls1_2', '-crlf');
  session.type('GET / HTTP/1.1');
  session.type('Host: localhost');
  session.type('');
  await session.shows(/HTTP\/1\.1 200 OK/, 1);
  session.type('R');
  await session.shows(/RENEGOTIATING/, 1);
  const { stderr } = await session.ended();
  assert.match(stderr, /no renegotiation/);
  const open = () => server.metric('sealgate_connections{state="idle"}');
  await until(open, (count) => count === 0, 'open connections');
  assert.equal(await server.metric('sealgate_tls_handshakes_total'), 1);
  assert.equal((await server.curl('/')).status, 200);
});
