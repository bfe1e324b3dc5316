// Expect: 100-continue (RFC 9110 10.1.1): the client is told to go on when its body is wanted, and only then.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { assertProblem } from '../support/problem.ts';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ limits: { maxObjectBytes: 2_000_000, uploads: 4 } });
const listeners = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...listeners, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
const authorization = `Authorization: Bearer ${site.token}`;
const expectation = 'Expect: 100-continue';
const body = 'a body that waits';

test('Expect: 100-continue: 100, then the body is stored', async () => {
  const wire = await Wire.open(server.url, trust);
  const length = `Content-Length: ${body.length}`;
  wire.send(request('PUT', '/o/files/waits', authorization, expectation, length));
  const interim = await wire.response();
  assert.deepEqual([interim.status, interim.headers.size], [100, 0]);
  wire.send(body);
  assert.equal((await wire.response()).status, 201);
  assert.equal((await wire.get('/o/files/waits')).body.toString(), body);
  wire.close();
});

test('clients that are gone when they are asked take no upload place with them', async () => {
  const length = `Content-Length: ${body.length}`;
  const plain = server.urls[1] ?? '';
  for (let round = 0; round < 40; round += 1) {
    const wires = await Promise.all(Array.from({ length: 40 }, () => Wire.open(plain)));
    for (const [i, wire] of wires.entries())
      wire.send(request('PUT', `/o/files/gone${round}-${i}`, authorization, expectation, length));
    await setImmediate();
    for (const wire of wires) wire.reset();
  }
  const wire = await Wire.open(plain);
  wire.send(request('PUT', '/o/files/stays', authorization, expectation, length));
  assert.equal((await wire.response()).status, 100);
  wire.send(body);
  assert.equal((await wire.response()).status, 201);
  wire.close();
});

test('Expect: 100-continue with a chunked body: 100, then the body is stored', async () => {
  const wire = await Wire.open(server.url, trust);
  wire.send(request('PUT', '/o/files/chunked', authorization, expectation, 'Transfer-Encoding: chunked'));
  assert.equal((await wire.response()).status, 100);
  wire.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  assert.equal((await wire.response()).status, 201);
  wire.close();
});

test('a body that is there already is not asked for', async () => {
  const wire = await Wire.open(server.url, trust);
  const length = `Content-Length: ${body.length}`;
  wire.send(request('PUT', '/o/files/at-once', authorization, expectation, length) + body);
  assert.equal((await wire.response()).status, 201);
  wire.close();
});

const refusals: [string, string[], number, string][] = [
  ['without a token', ['Content-Length: 5'], 401, 'token-missing'],
  ['with another token', ['Authorization: Bearer sgt_none', 'Content-Length: 5'], 401, 'token-unknown'],
  ['that is too large', [authorization, 'Content-Length: 2000001'], 413, 'body-too-large'],
  [
    'that is coded',
    [authorization, 'Content-Length: 5', 'Content-Encoding: compress'],
    415,
    'coding-refused',
  ],
];
for (const [what, fields, status, title] of refusals) {
  test(`a body ${what} is refused instead of asked for`, async () => {
    const wire = await Wire.open(server.url, trust);
    wire.send(request('PUT', '/o/files/unwanted', expectation, ...fields));
    assertProblem(await wire.response(), status, title);
    // Whether the body comes now cannot be known, so no further request can be read.
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });
}

test('an expectation other than 100-continue: 417', async () => {
  const wire = await Wire.open(server.url, trust);
  wire.send(request('GET', '/o/files/waits', 'Expect: a-miracle'));
  assertProblem(await wire.response(), 417, 'expectation-unknown');
  wire.close();
});

test('HTTP/1.0 with Expect: no interim response', async () => {
  const wire = await Wire.open(server.url, trust);
  const length = `Content-Length: ${body.length}`;
  wire.send(`PUT /o/files/old HTTP/1.0\r\n${authorization}\r\n${expectation}\r\n${length}\r\n\r\n${body}`);
  assert.equal((await wire.response()).status, 201);
  wire.close();
});

test('curl gets 100 before it sends the body', async () => {
  const bytes = Buffer.alloc(1_500_000, 'curl ');
  const file = join(site.dir, 'file');
  await writeFile(file, bytes);
  // By itself curl goes on after a second, which would hide a server that never says so; here it would
  // reach its limit of time first.
  const patient = ['-H', expectation, '--expect100-timeout', '300'];
  const made = await server.put('/o/files/curl', file, ...patient);
  assert.equal(made.status, 201);
  assert.equal(JSON.parse(made.body.toString()).digest, createHash('sha256').update(bytes).digest('hex'));
  await writeFile(file, Buffer.alloc(2_000_001));
  assertProblem(await server.put('/o/files/too-large', file, ...patient), 413, 'body-too-large');
});
