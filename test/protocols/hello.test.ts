// The seam: protocols of thirty lines (examples/) beside the one that is built in, mounted on a path of
// every host and on one of a single host, over real reactors and a real store.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pino from 'pino';
import { hello } from '../../examples/hello/index.ts';
import { lookup } from '../../examples/lookup/index.ts';
import { addon } from '../../src/native/addon.ts';
import { Coder } from '../../src/objects/coder.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { Objects } from '../../src/objects/objects.ts';
import { objects as builtIn } from '../../src/protocols/objects/index.ts';
import { openToAll } from '../../src/sites/grants.ts';
import type { Mount } from '../../src/sites/mount.ts';
import { Mounts } from '../../src/sites/mounts.ts';
import { blobsFolder } from '../../src/store/blobs.ts';
import { startEngine } from '../support/engine.ts';
import { TestStore } from '../support/store.ts';
import { request, Wire } from '../support/wire.ts';

const site = await TestStore.open();
await site.store.createBucket('greetings', 'versioned');
const objects = new Objects({
  store: site.store,
  epochs: new Epochs(addon),
  firstRead: () => 'trust',
  maxObjectBytes: 1000,
});
const log = pino({ level: 'silent' });
const mounts: Mount[] = [
  { host: '*', path: '/', protocol: 'objects' },
  { host: '*', path: '/hello/', protocol: 'hello', bucket: 'greetings' },
  { host: '*', path: '/lookup/', protocol: 'lookup', bucket: 'greetings' },
  { host: 'hello.example', path: '/greet/', protocol: 'hello', bucket: 'greetings' },
];
const protocols = { objects: builtIn, hello, lookup };
const { handle, table } = new Mounts(mounts, protocols, {
  objects,
  coder: new Coder(site.store, log),
  authorize: () => openToAll,
  openReads: true,
  log,
});
const engine = await startEngine(handle, 1, blobsFolder(site.root), table);
const wire = await Wire.open(engine.origin);
after(async () => {
  wire.close();
  await engine.stop();
  await site.remove();
});

await site.put('greetings', 'world.txt', 'Hello, world\n');
const hits = () => engine.pool.counters().plan_hits ?? 0;

test('GET /hello/{name} delivers the object, and a kept plan answers the second time', async () => {
  const first = await wire.get('/hello/world');
  assert.deepEqual([first.status, first.body.toString()], [200, 'Hello, world\n']);
  assert.equal(first.headers.get('content-type'), 'text/plain; charset=utf-8');
  const before = hits();
  assert.equal((await wire.get('/hello/world')).status, 200);
  assert.equal(hits(), before + 1);
});

test('conditions and ranges are the engine’s, without a word in the protocol', async () => {
  const { headers } = await wire.get('/hello/world');
  assert.equal((await wire.get('/hello/world', `If-None-Match: ${headers.get('etag')}`)).status, 304);
  const part = await wire.get('/hello/world', 'Range: bytes=7-11');
  assert.deepEqual([part.status, part.body.toString()], [206, 'world']);
});

test('PUT /hello/{name} stores, and the kept plan of the name is stale at once', async () => {
  await wire.get('/hello/world');
  wire.send(`${request('PUT', '/hello/world', 'Content-Length: 4')}Moin`);
  assert.equal((await wire.response()).status, 200);
  assert.equal((await wire.get('/hello/world')).body.toString(), 'Moin');
  assert.equal((await wire.get('/o/greetings/world.txt')).body.toString(), 'Moin');
});

const post = (body: string, ...fields: string[]) =>
  `${request('POST', '/lookup/', `Content-Length: ${Buffer.byteLength(body)}`, ...fields)}${body}`;

test('POST /lookup/ is answered by what its body says, and no plan is kept of that', async () => {
  await site.put('greetings', 'moon.txt', 'Hello, moon\n');
  for (const [name, greeting] of [
    ['world', 'Moin'],
    ['moon', 'Hello, moon\n'],
    ['world', 'Moin'],
  ]) {
    wire.send(post(JSON.stringify({ name })));
    const answer = await wire.response();
    assert.deepEqual([answer.status, answer.body.toString()], [200, greeting]);
  }
  assert.equal((await wire.get('/lookup/')).status, 405);
});

test('POST /lookup/ with a body that is no name is refused, and with one that is too long 413', async () => {
  for (const body of ['', '{', '{"name":1}', '{"name":"../world"}', 'null']) {
    wire.send(post(body));
    assert.equal((await wire.response()).status, 400, body);
  }
  wire.send(post(JSON.stringify({ name: 'nobody' })));
  assert.equal((await wire.response()).status, 404);
  const long = await Wire.open(engine.origin);
  long.send(post('x'.repeat(1025)));
  assert.equal((await long.response()).status, 413);
  long.close();
});

test('a mount of one host has the names at its path, and no other host has', async () => {
  for (let twice = 0; twice < 2; twice++) {
    const named = await wire.get('/greet/world', 'Host: hello.example');
    assert.deepEqual([named.status, named.body.toString()], [200, 'Moin']);
    assert.equal((await wire.get('/greet/world', 'Host: other.example')).status, 404);
  }
});

test('the host of an absolute target decides, and Host is ignored', async () => {
  const named = await wire.get('http://hello.example/greet/world', 'Host: other.example');
  assert.deepEqual([named.status, named.body.toString()], [200, 'Moin']);
  const other = await wire.get('http://other.example/greet/world', 'Host: hello.example');
  assert.equal(other.status, 404);
});

test('a path without a route is 404, and another method 405 with Allow', async () => {
  assert.equal((await wire.get('/hello/WORLD')).status, 404);
  wire.send(request('DELETE', '/hello/world'));
  const refused = await wire.response();
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, PUT, OPTIONS']);
});
