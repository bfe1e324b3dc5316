// The limit of connections: a worker has no more of them open. Those beyond take the place of others that are
// idle, the oldest first, or wait until one has gone. A client that holds all of them, none idle, gives up a
// quarter to others.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const limit = 8;
const site = await createSite({
  limits: { connections: limit, headTimeout: 3_600_000, handshakeTimeout: 3_600_000 },
});
const listen = ['--listen', 'http://127.0.0.1:0', '--listen', 'https://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...listen);
const secure = server.urls[1] ?? '';
after(async () => {
  await server.stop();
  await site.remove();
});

const open = () => server.metric('sealgate_connections');
const accepted = () => server.metric('sealgate_connections_accepted_total');

test('one beyond the limit takes the place of the one that has been idle longest', async () => {
  const before = await accepted();
  const wires: Wire[] = [];
  for (let i = 0; i < limit; i++) wires.push(await Wire.open(server.url));
  for (const wire of wires) assert.equal((await wire.get('/')).status, 200);
  const waiting = await Wire.open(server.url);
  assert.equal((await waiting.get('/')).status, 200);
  assert.equal(await accepted(), before + limit + 1);
  assert.deepEqual(await wires.shift()?.ended(), { by: 'end', rest: '' });
  for (const wire of [...wires, waiting]) {
    assert.equal((await wire.get('/')).status, 200);
    wire.close();
  }
});

test('ten times as many are all served in the end', async () => {
  const idle = () => server.metric('sealgate_connections{state="idle"}');
  await until(idle, (open) => open === 0, 'open connections');
  const answers = Array.from({ length: 10 * limit }, async () => {
    const wire = await Wire.open(server.url);
    const { status } = await wire.get('/', 'Connection: close');
    wire.close();
    return status;
  });
  assert.deepEqual(await Promise.all(answers), Array(10 * limit).fill(200));
});

test('clients that never begin their TLS handshake give way to one that does', async () => {
  await until(open, (count) => count === 0, 'open connections');
  const { hostname: host, port } = new URL(secure);
  const silent = await Promise.all(
    Array.from({ length: limit }, async () => {
      const socket = connect({ host, port: Number(port) });
      socket.on('error', () => {});
      await once(socket, 'connect');
      return socket;
    }),
  );
  const handshakes = () => server.metric('sealgate_connections{state="handshake"}');
  await until(handshakes, (count) => count === limit, 'silent connections');
  const wire = await Wire.open(secure, await readFile(site.certificate, 'utf8'));
  assert.equal((await wire.get('/')).status, 200);
  // handshakeTimeout, an hour here, has not passed for the others.
  assert.equal(await handshakes(), limit - 1);
  wire.close();
  for (const socket of silent) socket.destroy();
});

const busy = async (from: string) => {
  const wire = await Wire.open(server.url, undefined, from);
  wire.send('GET / HTTP/1.1\r\n');
  return wire;
};
const heads = () => server.metric('sealgate_connections{state="head"}');

test('all from one address and none idle: others get a quarter, and its own further ones wait', async () => {
  await until(open, (count) => count === 0, 'open connections');
  const wires = await Promise.all(Array.from({ length: limit }, () => busy('127.0.0.2')));
  await until(heads, (count) => count === limit, 'heads under way');
  const further = await busy('127.0.0.2');
  const others: Wire[] = [];
  for (const from of ['127.0.0.1', '127.0.0.3']) {
    const other = await Wire.open(server.url, undefined, from);
    // The next head begins at once: an idle connection would be given up before a busy one.
    other.send(`${request('GET', '/')}GET / HTTP/1.1\r\n`);
    assert.equal((await other.response()).status, 200);
    others.push(other);
  }
  assert.equal(await server.metric('sealgate_connections_displaced_total'), 2);
  const finished = async (wire: Wire) => {
    wire.send('Host: localhost\r\nConnection: close\r\n\r\n');
    const status = await wire.response().then(
      (response) => response.status,
      () => 'displaced',
    );
    wire.close();
    return status;
  };
  const answers = await Promise.all(wires.map(finished));
  assert.equal(answers.filter((status) => status === 'displaced').length, 2);
  assert.equal(answers.filter((status) => status === 200).length, limit - 2);
  assert.equal(await finished(further), 200);
  for (const wire of others) wire.close();
});
