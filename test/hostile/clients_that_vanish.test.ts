// Clients that reset at any moment, many times over, while others download: the others get their bytes, and
// afterwards nothing of the vanished is left, neither a connection nor a descriptor nor a byte in the store.

import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDescriptors } from '../support/process.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '2', ...both);
after(async () => {
  await server.stop();
  await site.remove();
});

const [tlsUrl = '', plainUrl = ''] = server.urls;
const trust = await readFile(site.certificate, 'utf8');
const bytes = randomBytes(8 * 1024 * 1024);
await writeFile(join(site.dir, 'large'), bytes);
await server.put('/o/files/large', join(site.dir, 'large'));

const upload = (...fields: string[]) =>
  request('PUT', '/o/files/vanished', `Authorization: Bearer ${site.token}`, ...fields);

const states = ['handshake', 'idle', 'head', 'waiting', 'receiving', 'sending', 'lingering'];
async function openConnections(): Promise<number> {
  const counts = states.map((state) => server.metric(`sealgate_connections{state="${state}"}`));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** What was sent before the client vanishes. */
const moments: Record<string, string> = {
  'before a byte': '',
  'within a head': 'GET /o/files/large HTTP/1.1\r\nHos',
  'right after a head': request('GET', '/o/files/large'),
  'right after many heads': request('GET', '/o/files/large').repeat(20),
  'after a head that the application is asked about': request('GET', `/o/files/none`),
  'right after the head of an upload': upload('Content-Length: 100000'),
  'within a body': upload('Content-Length: 100000') + 'x'.repeat(50_000),
  'right after a body': upload('Content-Length: 100000') + 'x'.repeat(100_000),
  'within a chunk': `${upload('Transfer-Encoding: chunked')}fff\r\nxyz`,
  'while told to go on': upload('Content-Length: 100000', 'Expect: 100-continue'),
};

/** A socket to the TLS port that says the beginning of a ClientHello and no more. */
async function halfHello(): Promise<Socket> {
  const { hostname, port } = new URL(tlsUrl);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]));
  return socket;
}

async function download(): Promise<void> {
  const { status, body } = await server.curl('/o/files/large');
  assert.equal(status, 200);
  assert.ok(body.equals(bytes));
}

for (const [what, sent] of Object.entries(moments)) {
  test(`clients vanish ${what}`, async () => {
    const others = [download(), download()];
    for (let i = 0; i < 30; i++) {
      const wire = await Wire.open(i % 2 === 0 ? plainUrl : tlsUrl, trust);
      wire.send(sent);
      // The server is met at another place each time.
      const turns = randomInt(4);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (i % 3 === 0) wire.close();
      else wire.reset();
    }
    await Promise.all(others);
  });
}

test('clients vanish within the handshake', async () => {
  for (let i = 0; i < 30; i++) (await halfHello()).resetAndDestroy();
  await download();
});

test('clients vanish in the middle of a download', async () => {
  for (let i = 0; i < 20; i++) {
    const wire = await Wire.open(i % 2 === 0 ? plainUrl : tlsUrl, trust);
    wire.send(request('GET', '/o/files/large'));
    await once(wire.socket, 'data');
    wire.reset();
  }
  await download();
});

test('after vanished clients no connection and no staging file is left', async () => {
  await until(openConnections, (count) => count === 0, 'open connections');
  const staged = () => readdir(join(site.dir, 'store', 'staging'));
  await until(staged, (files) => files.length === 0, 'staging');
});

test('a hundred more leave no descriptor behind', async () => {
  // Kept plans, each with its file, are the same before and after.
  await until(openConnections, (count) => count === 0, 'open connections');
  const before = await openDescriptors(server.pid);
  const sent = Object.values(moments);
  for (let i = 0; i < 100; i++) {
    const wire = await Wire.open(i % 2 === 0 ? plainUrl : tlsUrl, trust);
    wire.send(sent[i % sent.length] ?? '');
    wire.reset();
  }
  await until(openConnections, (count) => count === 0, 'open connections');
  await until(
    () => openDescriptors(server.pid),
    (count) => count <= before,
    `descriptors, ${before} before`,
  );
  await download();
});
