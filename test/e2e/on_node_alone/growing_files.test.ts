// An upload is read while it arrives, by as many as want to, on every worker: each byte as it comes, and the
// end once it is stored.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { growing } from '../../support/growing.ts';
import { peakMemory, resetPeakMemory } from '../../support/process.ts';
import { outcome, text as textOf } from '../../support/runtime.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const { site, server, clear, certificate, upload, read, stop } = await growing();
after(stop);

const text = async (bytes: Promise<Buffer>) => (await bytes).toString();
/** More than the workers: some of them are on the worker that receives the upload, and some on another. */
const many = [1, 2, 3, 4, 5, 6, 7, 8];

test('readers get each piece before the next is sent, and the end once the upload is stored', async () => {
  const path = '/o/live/pieces.txt';
  const upload1 = await upload(path);
  upload1.chunk('first');
  const readers = await Promise.all(many.map(() => read(path)));
  for (const { status, headers } of readers) {
    assert.equal(status, 200);
    assert.equal(headers.get('transfer-encoding'), 'chunked');
    assert.equal(headers.get('content-type'), 'text/plain');
    assert.equal(headers.get('cache-control'), 'public, max-age=1');
    for (const name of ['etag', 'last-modified', 'repr-digest', 'content-length'])
      assert.equal(headers.get(name), undefined, name);
  }
  for (const { wire } of readers) assert.equal(await text(wire.chunk()), 'first');
  for (const piece of ['second', 'third']) {
    upload1.chunk(piece);
    for (const { wire } of readers) assert.equal(await text(wire.chunk()), piece);
  }
  upload1.chunk('');
  assert.equal((await upload1.answer()).status, 201);
  for (const { wire } of readers) assert.equal(await text(wire.chunk()), '');
  // The connection goes on, and new readers get the blob.
  for (const { wire } of readers) {
    const whole = await wire.get(path);
    assert.equal(whole.body.toString(), 'firstsecondthird');
    assert.match(whole.headers.get('etag') ?? '', /^"[0-9a-f]{64}"$/);
    wire.close();
  }
});

test('a reader who comes before the first byte has an answer, and waits for its body', async () => {
  const path = '/o/live/empty';
  const writer = await upload(path);
  const { wire, status } = await read(path);
  assert.equal(status, 200);
  writer.chunk('x');
  assert.equal(await text(wire.chunk()), 'x');
  writer.chunk('');
  assert.equal(await text(wire.chunk()), '');
  wire.close();
});

test('an upload that stays empty is an empty answer', async () => {
  const path = '/o/live/none';
  const writer = await upload(path);
  const { wire } = await read(path);
  writer.chunk('');
  assert.equal(await text(wire.chunk()), '');
  wire.close();
});

test('an upload that says its length: readers are told it; the last byte comes at its end', async () => {
  const path = '/o/live/length';
  const writer = await upload(path, 'Content-Length: 6');
  writer.wire.send('abc');
  const { wire, headers } = await read(path);
  const expected = headers.get('content-length');
  // The first reader may come before the engine knows.
  if (expected === undefined) wire.close();
  const known = expected === undefined ? await read(path) : { wire, headers };
  assert.equal(known.headers.get('content-length'), '6');
  assert.equal(await text(known.wire.bytes(3)), 'abc');
  writer.wire.send('def');
  assert.equal((await writer.answer()).status, 201);
  assert.equal(await text(known.wire.bytes(3)), 'def');
  assert.equal((await known.wire.get(path)).status, 200);
  known.wire.close();
});

test('large uploads arrive whole over HTTP and HTTPS, also at who comes late or reads slowly', async () => {
  const bytes = randomBytes(6_000_000);
  const path = '/o/live/large';
  const writer = await upload(path);
  writer.chunk(bytes.subarray(0, 1_000_000));
  const early = await read(path);
  const over = async (url: string) => {
    const wire = await Wire.open(url, url === clear ? undefined : certificate);
    wire.send(request('GET', path));
    await wire.head();
    return wire;
  };
  const readers = [early.wire, await over(clear), await over(server.url)];
  readers[1]?.socket.pause();
  for (let at = 1_000_000; at < bytes.length; at += 1_000_000)
    writer.chunk(bytes.subarray(at, at + 1_000_000));
  readers.push(await over(clear), await over(server.url));
  writer.chunk('');
  assert.equal((await writer.answer()).status, 201);
  readers[1]?.socket.resume();
  for (const wire of readers) {
    const pieces: Buffer[] = [];
    for (let piece = await wire.chunk(); piece.length > 0; piece = await wire.chunk()) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).equals(bytes));
    wire.close();
  }
});

test('for a client of HTTP/1.0 the end of the connection is that of the upload', async () => {
  const path = '/o/live/old';
  const writer = await upload(path);
  writer.chunk('abc');
  (await read(path)).wire.close();
  const { hostname, port } = new URL(clear);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    received += piece;
  });
  socket.write(`GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
  while (!received.endsWith('abc')) await once(socket, 'data');
  writer.chunk('def');
  writer.chunk('');
  await once(socket, 'end');
  assert.match(received, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(received, /\r\nConnection: close\r\n\r\nabcdef$/);
  assert.doesNotMatch(received, /Transfer-Encoding/i);
});

test('a web site that says so serves it; other sites and buckets have nothing there', async () => {
  const writer = await upload('/o/live/seen');
  writer.chunk('abc');
  const { wire } = await read('/seen', 'Host: players.test');
  assert.equal(await text(wire.chunk()), 'abc');
  const other = await Wire.open(clear);
  assert.equal((await other.get('/seen', 'Host: others.test')).status, 404);
  const unsaid = await upload('/o/files/unsaid');
  unsaid.chunk('abc');
  unsaid.chunk('d');
  assert.equal((await other.get('/o/files/unsaid')).status, 404);
  assert.equal((await other.get('/o/files/unsaid')).status, 404);
  writer.chunk('');
  unsaid.chunk('');
  assert.deepEqual([(await writer.answer()).status, (await unsaid.answer()).status], [201, 201]);
  for (const each of [wire, other]) each.close();
});

test('a name that has an object is answered with that until the new one is stored', async () => {
  const path = '/o/live/versions';
  const first = await upload(path, 'Content-Length: 3');
  first.wire.send('old');
  assert.equal((await first.answer()).status, 201);
  const second = await upload(path);
  second.chunk('new');
  const reader = await Wire.open(clear);
  assert.equal((await reader.get(path)).body.toString(), 'old');
  second.chunk('');
  assert.equal((await second.answer()).status, 200);
  assert.equal((await reader.get(path)).body.toString(), 'new');
  reader.close();
});

test('of two uploads of one name, new readers get the later; none gets bytes of both', async () => {
  const path = '/o/live/twice';
  const first = await upload(path);
  first.chunk('1a');
  const early = await read(path);
  assert.equal(await text(early.wire.chunk()), '1a');
  const second = await upload(path);
  second.chunk('2a');
  let late = await read(path);
  while ((await text(late.wire.chunk())) !== '2a') {
    late.wire.close();
    late = await read(path);
  }
  first.chunk('1b');
  second.chunk('2b');
  assert.equal(await text(early.wire.chunk()), '1b');
  assert.equal(await text(late.wire.chunk()), '2b');
  first.chunk('');
  assert.equal((await first.answer()).status, 201);
  assert.equal(await text(early.wire.chunk()), '');
  second.chunk('');
  assert.equal((await second.answer()).status, 200);
  assert.equal(await text(late.wire.chunk()), '');
  for (const { wire } of [early, late]) wire.close();
});

test('1,000 readers of one upload get all of it, and the server takes little memory for them', async () => {
  const path = '/o/live/thousand';
  const piece = randomBytes(100_000);
  const repeated = Buffer.concat([piece, piece]);
  const writer = await upload(path);
  writer.chunk(piece);
  (await read(path)).wire.close();
  const wires = await Promise.all(Array.from({ length: 1000 }, () => Wire.open(clear)));
  const idle = await resetPeakMemory(server.pid);
  for (const wire of wires) wire.send(request('GET', path));
  const bodies = wires.map(async (wire) => {
    const { headers } = await wire.head();
    const length = headers.get('content-length');
    // On a busy machine the upload may be over before the last of them were heard: they get the object.
    if (length !== undefined) return (await wire.bytes(Number(length))).length;
    let size = 0;
    for (let chunk = await wire.chunk(); chunk.length > 0; chunk = await wire.chunk()) {
      const from = size % piece.length;
      assert.ok(repeated.subarray(from, from + chunk.length).equals(chunk));
      size += chunk.length;
    }
    wire.close();
    return size;
  });
  for (let count = 1; count < 5; count++) writer.chunk(piece);
  writer.chunk('');
  assert.equal((await writer.answer()).status, 201);
  assert.deepEqual([...new Set(await Promise.all(bodies))], [500_000]);
  const taken = (await peakMemory(server.pid)) - idle;
  assert.ok(taken < 64 * 1024 * 1024, `${taken} bytes`);
});

test('a deleted write-once name shows nothing of an upload of other bytes, which is refused', async () => {
  const path = '/o/files/live/once';
  const writer = await upload(path);
  writer.chunk('before');
  const { wire } = await read(path);
  assert.equal(await text(wire.chunk()), 'before');
  wire.close();
  writer.chunk('');
  assert.equal((await writer.answer()).status, 201);
  const asked = ['--request', 'DELETE', '--header', `Authorization: Bearer ${site.token}`];
  assert.equal((await server.curl(path, ...asked)).status, 204);
  const other = await upload(path);
  other.chunk('other');
  assert.equal((await server.curl(path)).status, 410);
  other.chunk('');
  assert.equal((await other.answer()).status, 409);
});

test('ffprobe, which asks for bytes=0-, reads to the end what ffmpeg is still pushing', async () => {
  const url = `${clear}/o/live/pushed.ts`;
  const frames = 50;
  const picture = ['-f', 'lavfi', '-i', `testsrc=size=64x64:rate=25:duration=${frames / 25}`];
  const push = ['-f', 'mpegts', '-headers', `Authorization: Bearer ${site.token}\r\n`, '-method', 'PUT', url];
  const encoder = spawn('ffmpeg', [
    '-v',
    'error',
    '-nostdin',
    '-re',
    ...picture,
    '-c:v',
    'mpeg2video',
    ...push,
  ]);
  const pushed = outcome(encoder);
  await until(
    async () => (await fetch(url, { method: 'HEAD' })).status,
    (status) => status === 200,
    'the upload has begun',
  );
  const reads = await server.metric('sealgate_growing_reads_total');
  const shown = ['-count_packets', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0'];
  const probe = spawn('ffprobe', ['-v', 'error', ...shown, url]);
  const printed = textOf(probe.stdout);
  assert.equal((await outcome(probe)).stderr, '');
  assert.equal((await pushed).status, 0);
  assert.equal(Number.parseInt(printed(), 10), frames);
  assert.equal(await server.metric('sealgate_growing_reads_total'), reads + 1);
});
