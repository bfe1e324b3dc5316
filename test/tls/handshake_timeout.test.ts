// A connection without a finished handshake is closed after limits.handshakeTimeout, whatever the client
// sent, and other clients are served meanwhile.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const site = await createSite({ limits: { handshakeTimeout: 1500 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const raw = () => Wire.open(server.url.replace('https:', 'http:'));
const handshaking = () => server.metric('sealgate_connections{state="handshake"}');

/** The beginning of a TLS record with a ClientHello. */
const beginning = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]);
const sent = {
  'sends nothing': Buffer.alloc(0),
  'sends the first byte': beginning.subarray(0, 1),
  'sends half a ClientHello': beginning,
};
for (const [what, bytes] of Object.entries(sent)) {
  test(`a client that ${what} is closed`, async () => {
    const wire = await raw();
    if (bytes.length > 0) wire.send(bytes);
    const { by, rest } = await wire.ended();
    assert.notEqual(by, 'silence');
    assert.equal(rest, '');
  });
}

test('single bytes do not extend the timeout', async () => {
  const wire = await raw();
  wire.send(beginning);
  const timer = setInterval(() => wire.send('\0'), 50);
  const { by } = await wire.ended();
  clearInterval(timer);
  assert.notEqual(by, 'silence');
});

test('many unfinished handshakes do not delay other clients', async () => {
  const wires = await Promise.all(Array.from({ length: 100 }, raw));
  for (let i = 0; i < 5; i++) assert.equal((await server.curl('/')).status, 200);
  for (const wire of wires) assert.notEqual((await wire.ended()).by, 'silence');
  await until(handshaking, (open) => open === 0, 'handshakes under way');
});
