// One object of an upstream that many clients ask for before it is there: it is fetched once, and its bytes
// reach all of them as they arrive; what breaks off goes on, or all are cut.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { startMirrors, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const body = randomBytes(3_000_000);
const half = body.length / 2;
const digest = createHash('sha256').update(body).digest('hex');

/** The answers that wait for the test, by target. */
const held = new Map<string, ServerResponse>();
/** What an attempt after the first is answered with. */
let again: (range: string | undefined, response: ServerResponse) => void = () => {};
const etag: Record<string, string> = { etag: '"strong"' };
const upstream = await startUpstream(({ url = '', headers }, response) => {
  if (held.has(url)) return again(headers.range, response);
  held.set(url, response);
  const tag = url.startsWith('/weak') ? {} : etag;
  const length = url.startsWith('/chunked') ? {} : { 'content-length': body.length };
  response.writeHead(200, { ...length, ...tag, 'cache-control': 'max-age=600' });
  response.write(body.subarray(0, half));
});
const { server, site, stop } = await startMirrors(
  {
    origin: { url: upstream.url, idleSeconds: 20, attempts: 3 },
    one: { url: upstream.url, concurrency: 1, waiting: 1 },
  },
  [
    { path: '/m/', upstreams: ['origin'] },
    { path: '/one/', upstreams: ['one'], prefix: 'one/' },
  ],
);
after(async () => {
  await stop();
  upstream.close();
});
beforeEach(() => {
  upstream.asked.length = 0;
  upstream.fields.length = 0;
});

const clear = server.urls[1] ?? '';

/** A client that has the head and half of the body, less what a reader does not get before the end. */
async function reader(path: string): Promise<Wire> {
  const wire = await Wire.open(clear);
  wire.send(request('GET', path));
  const { status, headers } = await wire.head();
  assert.equal(status, 200);
  if (path.includes('chunked')) assert.equal(headers.get('transfer-encoding'), 'chunked');
  else assert.equal(headers.get('content-length'), `${body.length}`);
  return wire;
}

async function rest(wire: Wire): Promise<string> {
  const got = await wire.bytes(body.length);
  wire.close();
  return createHash('sha256').update(got).digest('hex');
}

async function isGone(name: string): Promise<void> {
  assert.equal((await server.curl(`/o/mirror/${name}`)).status, 404);
  const staging = () => readdirSync(join(site.dir, 'store', 'staging'));
  await until(staging, (left) => left.length === 0, 'staging');
}

test('100 clients cause one fetch and have bytes before its end; who leaves disturbs none', async () => {
  const wires = await Promise.all(Array.from({ length: 100 }, () => reader('/m/hundred')));
  // All have bytes while the upstream holds the rest.
  const firsts = await Promise.all(wires.map((wire) => wire.bytes(1000)));
  for (const first of firsts) assert.ok(first.equals(body.subarray(0, 1000)));
  wires[0]?.close();
  wires[50]?.close();
  held.get('/hundred')?.end(body.subarray(half));
  const left = wires.filter((_, at) => at !== 0 && at !== 50);
  for (const wire of left) {
    assert.ok((await wire.bytes(body.length - 1000)).equals(body.subarray(1000)));
    wire.close();
  }
  assert.deepEqual(upstream.asked, ['GET /hundred']);
  assert.ok((await server.metric('sealgate_upstream_joined_requests_total')) >= 90);
  const { headers } = await server.curl('/m/hundred', '-I');
  assert.equal(headers.get('etag'), `"${digest}"`);
  assert.deepEqual(upstream.asked, ['GET /hundred']);
});

test('twelve fetches at a time are no leak that the runtime warns of', async () => {
  const names = Array.from({ length: 12 }, (_, at) => `many-${at}`);
  const wires = await Promise.all(names.map((name) => reader(`/m/${name}`)));
  for (const name of names) held.get(`/${name}`)?.end(body.subarray(half));
  await Promise.all(wires.map((wire) => rest(wire)));
  assert.doesNotMatch(server.log(), /MaxListenersExceededWarning/);
});

test('the fetch goes on when everybody has left, and what it brings is kept', async () => {
  const wire = await reader('/m/left');
  wire.close();
  held.get('/left')?.end(body.subarray(half));
  await until(
    () => server.curl('/o/mirror/left', '-I'),
    ({ status }) => status === 200,
    'kept',
  );
});

test('a body of unknown length reaches its readers, too', async () => {
  const wire = await reader('/m/chunked');
  held.get('/chunked')?.end(body.subarray(half));
  const pieces: Buffer[] = [];
  for (let piece = await wire.chunk(); piece.length > 0; piece = await wire.chunk()) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(body));
});

test('a body that breaks off goes on where it ended, and readers see nothing of it', async () => {
  const wire = await reader('/m/resumed');
  again = (range, response) => {
    const from = Number(/\d+/.exec(range ?? '')?.[0]);
    const about = { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}`, ...etag };
    response.writeHead(206, about).end(body.subarray(from));
  };
  held.get('/resumed')?.destroy();
  assert.equal(await rest(wire), digest);
  assert.match(`${upstream.fields[1]?.range}`, /^bytes=\d+-$/);
  assert.equal(upstream.fields[1]?.['if-range'], '"strong"');
  assert.equal((await server.curl('/o/mirror/resumed', '-I')).headers.get('etag'), `"${digest}"`);
});

test('an upstream without ranges sends the same bytes again, which are passed over', async () => {
  const wire = await reader('/m/again');
  again = (_, response) => void response.writeHead(200, { 'content-length': body.length, ...etag }).end(body);
  held.get('/again')?.destroy();
  assert.equal(await rest(wire), digest);
});

const failures: [what: string, name: string, answer: typeof again][] = [
  [
    'has other bytes now',
    'changed',
    (_, response) =>
      void response.writeHead(200, { 'content-length': body.length, etag: '"other"' }).end(body),
  ],
  [
    'sends another range than it was asked for',
    'chunked-elsewhere',
    (_, response) => {
      const about = { 'content-range': `bytes 0-${body.length - 1}/${body.length}`, ...etag };
      response.writeHead(206, about).end(body);
    },
  ],
  ['does not have it any more', 'lost', (_, response) => void response.writeHead(404).end()],
  ['fails each time', 'failing', (_, response) => void response.writeHead(503).end()],
  [
    'gave no strong ETag',
    'weak',
    (_, response) => void response.writeHead(200, { 'content-length': body.length }).end(body),
  ],
];
for (const [what, name, answer] of failures)
  test(`a body that breaks off is cut for all, and not kept, when the upstream ${what}`, async () => {
    const wires = await Promise.all([reader(`/m/${name}`), reader(`/m/${name}`)]);
    again = answer;
    held.get(`/${name}`)?.destroy();
    for (const wire of wires) assert.ok((await wire.ended()).rest.length < body.length);
    await isGone(name);
  });

test('an upstream has no more fetches than allowed: others wait, and those beyond are 503', async () => {
  const wire = await reader('/one/first');
  const waits = server.curl('/one/second', '-o', '/dev/null');
  await until(
    () => server.metric('sealgate_upstream_fetches_waiting{upstream="one"}'),
    (waiting) => waiting === 1,
    'waiting',
  );
  const { status, headers } = await server.curl('/one/third');
  assert.deepEqual([status, headers.has('retry-after')], [503, true]);
  assert.deepEqual(upstream.asked, ['GET /first']);
  held.get('/first')?.end(body.subarray(half));
  await rest(wire);
  await until(
    () => held.get('/second'),
    (answer) => answer !== undefined,
    'the second',
  );
  held.get('/second')?.end(body.subarray(half));
  assert.equal((await waits).status, 200);
});

test('a server that ends gives up what it fetches, and leaves nothing', async () => {
  const wire = await reader('/m/ending');
  const ended = stop();
  assert.ok((await wire.ended()).rest.length < body.length);
  assert.equal(await ended, 0);
});
