// How long a connection lives: HTTP/1.1 stays unless told otherwise, HTTP/1.0 ends unless told otherwise.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

// The sentinel's fetches are connections too, and these here are counted.
const site = await createSite({ limits: { idleTimeout: 1500 }, sentinel: { intervalSeconds: 0 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
const open = () => Wire.open(server.url, trust);
const file = join(site.dir, 'file');
await writeFile(file, 'persistent');
await server.put('/o/files/small', file);
await writeFile(file, Buffer.alloc(100_000));
await server.put('/o/files/large', file);

test('HTTP/1.1 serves one request after another', async () => {
  const accepted = () => server.metric('sealgate_connections_accepted_total');
  const before = await accepted();
  const wire = await open();
  for (const name of ['small', 'large', 'none', 'small', 'large']) {
    const { headers } = await wire.get(`/o/files/${name}`);
    assert.equal(headers.get('connection'), undefined);
  }
  assert.equal(await accepted(), before + 1);
  wire.close();
});

for (const target of ['/o/files/small', '/o/files/large', '/o/files/none']) {
  test(`Connection: close ends it after ${target}`, async () => {
    const wire = await open();
    const { headers } = await wire.get(target, 'Connection: close');
    assert.equal(headers.get('connection'), 'close');
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });
}

test('options of Connection are read as a list, in any case', async () => {
  const wire = await open();
  assert.equal((await wire.get('/o/files/small', 'Connection: X-Other, CLOSE')).status, 200);
  assert.equal((await wire.ended()).by, 'end');
});

test('HTTP/1.0 ends after one response, and needs no Host', async () => {
  const wire = await open();
  wire.send('GET /o/files/small HTTP/1.0\r\n\r\n');
  const { status, headers, body } = await wire.response();
  assert.deepEqual([status, headers.get('connection'), body.toString()], [200, 'close', 'persistent']);
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('HTTP/1.0 stays when it asks to, and is told so', async () => {
  const wire = await open();
  for (let i = 0; i < 3; i++) {
    wire.send('GET /o/files/small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    const { headers, body } = await wire.response();
    assert.deepEqual([headers.get('connection'), body.toString()], ['keep-alive', 'persistent']);
    assert.equal(headers.get('keep-alive'), 'timeout=1', 'whole seconds of limits.idleTimeout');
  }
  wire.close();
});

test('an idle connection is ended in order after the idle timeout', async () => {
  const wire = await open();
  await wire.get('/o/files/small');
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('a connection without a request: closed after the idle time', async () => {
  const wire = await open();
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('empty lines before a request are passed over', async () => {
  const wire = await open();
  wire.send(`\r\n\r\n${request('GET', '/o/files/small')}\r\n${request('GET', '/o/files/small')}`);
  for (let i = 0; i < 2; i++) assert.equal((await wire.response()).body.toString(), 'persistent');
  wire.close();
});

for (const target of ['/o/files/small', '/o/files/large', '/o/files/none']) {
  test(`a client that has said all it will is answered: ${target}`, async () => {
    const wire = await open();
    wire.socket.end(request('GET', target).repeat(2));
    const [first, second] = [await wire.response(), await wire.response()];
    assert.equal(first.status, target.endsWith('none') ? 404 : 200);
    // A refusal names its request.
    const told = ({ body }: { body: Buffer }) => body.toString('latin1').replace(/"request":"\w+"/, '');
    assert.ok(told(second) === told(first));
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });
}
