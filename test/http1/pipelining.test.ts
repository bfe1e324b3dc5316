// Pipelined requests: answered in the order they came, byte for byte, however many arrive at once.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
const contentOf = (i: number) => Buffer.alloc(1 + i * 997, `object ${i} `);
const stored = 20;
for (let i = 0; i < stored; i++) {
  await writeFile(join(site.dir, 'file'), contentOf(i));
  assert.equal((await server.put(`/o/files/${i}`, join(site.dir, 'file'))).status, 201);
}

for (const requests of [100, 1000]) {
  test(`${requests} requests in one write`, async () => {
    const wire = await Wire.open(server.url, trust);
    const order = Array.from({ length: requests }, (_, i) => (i * 7) % stored);
    wire.send(order.map((i) => request('GET', `/o/files/${i}`)).join(''));
    for (const i of order) {
      const { status, body } = await wire.response();
      assert.equal(status, 200);
      assert.ok(body.equals(contentOf(i)), `object ${i}`);
    }
    wire.close();
  });
}

test('pipelined methods and refusals: answers in the order of the requests', async () => {
  const wire = await Wire.open(server.url, trust);
  const asked: [string, string, number][] = [
    ['GET', '/o/files/3', 200],
    ['HEAD', '/o/files/4', 200],
    ['GET', '/o/files/none', 404],
    ['OPTIONS', '/o/files/3', 204],
    ['POST', '/o/files/3', 405],
    ['GET', '/o/files/5', 200],
  ];
  wire.send(asked.map(([method, target]) => request(method, target)).join(''));
  for (const [method, target, status] of asked) {
    assert.equal((await wire.response(method)).status, status, `${method} ${target}`);
  }
  wire.close();
});

test('a request behind an upload is answered after it', async () => {
  const wire = await Wire.open(server.url, trust);
  const body = 'pipelined';
  const fields = [`Authorization: Bearer ${site.token}`, `Content-Length: ${body.length}`];
  wire.send(request('PUT', '/o/files/behind', ...fields) + body + request('GET', '/o/files/behind'));
  assert.equal((await wire.response()).status, 201);
  assert.equal((await wire.response()).body.toString(), body);
  wire.close();
});

test('a request behind one with Connection: close is not answered', async () => {
  const wire = await Wire.open(server.url, trust);
  wire.send(request('GET', '/o/files/1', 'Connection: close') + request('GET', '/o/files/2'));
  assert.ok((await wire.response()).body.equals(contentOf(1)));
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});
