// A limit of connections: an address has so many at a time, of all workers and listeners together. Further
// ones are closed before a handshake; proxies in front, and who comes by a unix socket, have any number.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const most = 4;
const site = await createSite({
  workers: 2,
  rateLimits: [{ name: 'open', by: 'address', connections: most }],
  trustedProxies: { from: ['127.0.0.50'] },
  sentinel: { intervalSeconds: 0 },
  listeners: [
    'http://127.0.0.1:0',
    'https://127.0.0.1:0',
    { url: 'http://127.0.0.1:0', proxyProtocol: { from: ['127.0.0.1'] } },
    'unix:./web.sock',
  ],
});
const server = await TestServer.start(site);
const [plain = '', tls = '', proxied = ''] = server.urls;
after(async () => {
  await server.stop();
  await site.remove();
});

const over = () => server.metric('sealgate_connections_over_limit_total');

/** A connection that is served. */
async function served(url: string, from: string, header = ''): Promise<Wire> {
  const wire = await Wire.open(url, undefined, from);
  if (header !== '') wire.send(header);
  assert.equal((await wire.get('/none', 'Host: a.test')).status, 404);
  return wire;
}

/** Tries until it is served, as the server hears of the end of another one somewhat later. */
async function servedSoon(url: string, from: string): Promise<Wire> {
  return until(() => served(url, from).catch(() => undefined), Boolean, 'a place') as Promise<Wire>;
}

async function refused(url: string, from: string, header = ''): Promise<void> {
  const wire = await Wire.open(url.replace('https:', 'http:'), undefined, from);
  wire.send(header + request('GET', '/none', 'Host: a.test'));
  const { by, rest } = await wire.ended();
  assert.notEqual(by, 'silence');
  assert.equal(rest, '');
}

test('one more than the limit: closed without a byte and counted, on any listener', async () => {
  const before = await over();
  const wires = await Promise.all(Array.from({ length: most }, () => served(plain, '127.0.0.9')));
  for (const url of [plain, plain, tls]) await refused(url, '127.0.0.9');
  assert.equal((await over()) - before, 3);
  (await served(plain, '127.0.0.10')).close();
  for (const wire of wires) assert.equal((await wire.get('/none', 'Host: a.test')).status, 404);
  wires[0]?.close();
  const next = await servedSoon(plain, '127.0.0.9');
  for (const wire of [...wires.slice(1), next]) wire.close();
});

test('by PROXY headers: the client that is named counts, and of IPv6 its /64; no proxy does', async () => {
  const named = (client: string) => `PROXY TCP6 ${client} ::1 1 2\r\n`;
  const before = await over();
  const wires = await Promise.all(
    ['1', '2', 'ffff:1', 'a:b:c:d'].map((host) => served(proxied, '127.0.0.1', named(`2001:db8::${host}`))),
  );
  await refused(proxied, '127.0.0.1', named('2001:db8::9'));
  assert.equal((await over()) - before, 1);
  wires.push(await served(proxied, '127.0.0.1', named('2001:db8:0:1::1')));
  for (let i = 0; i < 2 * most; i++) wires.push(await served(proxied, '127.0.0.1', 'PROXY UNKNOWN\r\n'));
  wires.push(await served(plain, '127.0.0.1'));
  for (const wire of wires) wire.close();
});

test('a trusted proxy, and who comes by a unix socket: as many as they like', async () => {
  const wires: Wire[] = [];
  for (let i = 0; i < 2 * most; i++) wires.push(await served(plain, '127.0.0.50'));
  for (const wire of wires) wire.close();
  const sockets = Array.from({ length: 2 * most }, () => connect(join(site.dir, 'web.sock')));
  for (const socket of sockets) {
    socket.write(request('GET', '/none', 'Host: a.test'));
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 404 /);
  }
  for (const socket of sockets) socket.destroy();
});

test('five hundred addresses with a connection each, twice: all are served', async () => {
  const before = await over();
  for (let turn = 0; turn < 2; turn++) {
    const wires: Wire[] = [];
    for (let i = 0; i < 500; i++)
      wires.push(
        await served(proxied, '127.0.0.1', `PROXY TCP4 10.1.${i >> 8}.${i & 255} 127.0.0.1 1 2\r\n`),
      );
    for (const wire of wires) wire.close();
  }
  assert.equal((await over()) - before, 0);
});

test('a client that connects and leaves a thousand times has all of its places yet', async () => {
  for (let i = 0; i < 1000; i++) {
    const socket = connect({
      port: Number(new URL(plain).port),
      host: '127.0.0.1',
      localAddress: '127.0.0.11',
    });
    await once(socket, 'connect');
    socket.destroy();
  }
  const wires: Wire[] = [];
  for (let i = 0; i < most; i++) wires.push(await servedSoon(plain, '127.0.0.11'));
  await refused(plain, '127.0.0.11');
  for (const wire of wires) wire.close();
});

test('read again without the limit: as many as they like', async () => {
  const written = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...written, rateLimits: [] }));
  const answer = await fetch(`${server.control}/reload`, { method: 'POST' });
  assert.deepEqual(((await answer.json()) as { settings: string[] }).settings, ['rateLimits']);
  const wires: Wire[] = [];
  for (let i = 0; i < 2 * most; i++) wires.push(await served(plain, '127.0.0.12'));
  for (const wire of wires) wire.close();
});
