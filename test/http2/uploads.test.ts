// Uploads over HTTP/2: bodies of known and unknown length, refused ones, cut ones. What is cut leaves nothing
// behind, and gives its place back.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { block, code, type Field, flag, frame, Http2Wire, request, type } from '../support/http2_wire.ts';
import { until } from '../support/wait.ts';
import { serve } from './support.ts';

const served = await serve({ limits: { maxObjectBytes: 8 * 1024 * 1024 } });
after(served.stop);
const { server, site, clear } = served;

const token: Field = ['authorization', `Bearer ${site.token}`];
const put = (name: string, ...fields: Field[]) => request('PUT', `/o/files/${name}`, token, ...fields);
const data = (stream: number, bytes: Uint8Array | string, end = false) =>
  frame(type.data, end ? flag.endStream : 0, stream, Buffer.from(bytes));
const staging = async () => (await readdir(join(site.dir, 'store', 'staging'))).length;

for (const bytes of [0, 1, 100_000, 5_000_000]) {
  test(`curl: a file of ${bytes} bytes, with its length and without`, async () => {
    const body = randomBytes(bytes);
    const file = join(site.dir, `upload-${bytes}`);
    await writeFile(file, body);
    assert.equal((await server.put(`/o/files/known-${bytes}`, file, '--http2')).status, 201);
    const unknown = ['--http2', '-H', 'Content-Length:'];
    assert.ok((await server.put(`/o/files/unknown-${bytes}`, file, ...unknown)).status <= 201);
    for (const name of [`known-${bytes}`, `unknown-${bytes}`])
      assert.ok((await server.curl(`/o/files/${name}`, '--http2')).body.equals(body));
  });
}

test('Expect: 100-continue: 100, then the answer', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, put('continued', ['expect', '100-continue']));
  const interim = await wire.until((each) => each.type === type.headers);
  assert.equal(interim.flags & flag.endStream, 0);
  wire.send(data(1, 'continued', true));
  assert.equal(await wire.status(1), 201);
  wire.close();
});

test('trailers end a body and are dropped', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, put('trailed'));
  wire.send(
    data(1, 'trailed'),
    frame(type.headers, flag.endHeaders | flag.endStream, 1, block(['x-sum', '1'])),
  );
  assert.equal(await wire.status(1), 201);
  assert.equal((await server.curl('/o/files/trailed')).body.toString(), 'trailed');
  wire.close();
});

test('no token: 401, no more of the body than its window is open for, and NO_ERROR in time', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, request('PUT', '/o/files/refused'));
  assert.equal(await wire.status(1), 401);
  for (let sent = 0; sent < 65_535; sent += 13_107) wire.send(data(1, Buffer.alloc(13_107)));
  wire.ask(3, request('GET', '/o/files/small'));
  assert.equal(await wire.status(3), 200);
  const next = await wire.until((each) => each.stream === 1);
  assert.deepEqual([next.type, next.payload.readUInt32BE(0)], [type.reset, code.noError]);
  wire.close();
});

test('no token, and the body behind the head: an answer, and the window is not opened again', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, request('PUT', '/o/files/refused'));
  for (let sent = 0; sent < 65_535; sent += 13_107) wire.send(data(1, Buffer.alloc(13_107)));
  const seen: number[] = [];
  await wire.until((each) => {
    if (each.stream === 1) seen.push(each.type);
    return seen.includes(type.reset);
  });
  assert.deepEqual(seen, [type.headers, type.data, type.reset]);
  wire.close();
});

test('curl: an upload without a token, short, long or endless, is answered 401', async () => {
  const long = join(site.dir, 'long');
  await writeFile(long, Buffer.alloc(20_000_000));
  for (const file of [long, '/dev/zero', join(site.dir, 'upload-1')])
    assert.equal((await server.curl('/o/files/refused', '--http2', '-T', file)).status, 401);
});

test('300 uploads that are refused, and ended by the client then: no flood', async () => {
  const wire = await Http2Wire.open(clear);
  for (let stream = 1; stream < 600; stream += 2) {
    wire.begin(stream, request('PUT', '/o/files/refused'));
    assert.equal(await wire.status(stream), 401);
    wire.send(frame(type.reset, 0, stream, Buffer.from([0, 0, 0, 8])));
  }
  wire.ask(601, request('GET', '/o/files/small'));
  assert.equal(await wire.status(601), 200);
  wire.close();
});

test('a short body that nobody wants: its stream ends with it, and is not reset', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, request('PUT', '/o/files/refused', ['content-length', '5']));
  assert.equal(await wire.status(1), 401);
  wire.send(data(1, 'never', true));
  wire.ask(3, request('GET', '/o/files/small'));
  const next = await wire.until((each) => each.type === type.reset || each.type === type.headers);
  assert.deepEqual([next.type, next.stream], [type.headers, 3]);
  wire.close();
});

test('a short body that nobody wants, and that does not come: NO_ERROR in time', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, request('PUT', '/o/files/refused', ['content-length', '5']));
  assert.equal(await wire.status(1), 401);
  assert.equal(await wire.resetOf(1), code.noError);
  wire.close();
});

test('a body of unknown length that becomes too large: 413', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, put('endless'));
  let open = 65_535;
  const answered = wire.until((each) => {
    if (each.type === type.windowUpdate && each.stream === 1) open += each.payload.readUInt32BE(0);
    for (; open >= 16_384; open -= 16_384) wire.send(data(1, Buffer.alloc(16_384)));
    return each.type === type.headers;
  });
  wire.send(data(1, Buffer.alloc(16_384)));
  open -= 16_384;
  assert.equal((await answered).stream, 1);
  wire.close();
  await until(staging, (files) => files === 0, 'files in staging');
  assert.equal((await server.curl('/o/files/endless')).status, 404);
});

const cuts: Record<string, (wire: Http2Wire) => void> = {
  'fewer bytes than Content-Length': (wire) => wire.send(data(1, 'abc', true)),
  'more bytes than Content-Length': (wire) => wire.send(data(1, Buffer.alloc(101))),
  'a reset by the client': (wire) => wire.send(frame(type.reset, 0, 1, Buffer.from([0, 0, 0, 8]))),
  'the end of the connection': (wire) => wire.close(),
};
for (const [what, cut] of Object.entries(cuts)) {
  test(`${what}: nothing is stored, and nothing is left in staging`, async () => {
    const lost = await server.metric('sealgate_uploads_aborted_total');
    const wire = await Http2Wire.open(clear);
    wire.begin(1, put('cut', ['content-length', '100'], ['expect', '100-continue']));
    await wire.until((each) => each.type === type.headers);
    wire.send(data(1, 'abc'));
    cut(wire);
    const aborted = () => server.metric('sealgate_uploads_aborted_total');
    await until(aborted, (count) => count > lost, 'uploads that were given up');
    await until(staging, (files) => files === 0, 'files in staging');
    assert.equal((await server.curl('/o/files/cut')).status, 404);
    wire.close();
  });
}

test('a hundred uploads at once on one connection: all are stored', async () => {
  const wire = await Http2Wire.open(clear);
  const ids = Array.from({ length: 100 }, (_, n) => 2 * n + 1);
  for (const id of ids) wire.begin(id, put(`many-${id}`));
  for (const id of ids) wire.send(data(id, `first ${id}`));
  for (const id of ids) wire.send(data(id, `, last ${id}`, true));
  const answered = new Set<number>();
  while (answered.size < ids.length) {
    const { stream } = await wire.until((each) => each.type === type.headers);
    answered.add(stream);
  }
  assert.equal((await server.curl('/o/files/many-199')).body.toString(), 'first 199, last 199');
  wire.close();
});

test('a body beyond its window, before anybody has asked for it: FLOW_CONTROL_ERROR', async () => {
  const wire = await Http2Wire.open(clear);
  const head = frame(type.headers, flag.endHeaders, 1, block(...put('beyond')));
  wire.send(head, ...[1, 2, 3, 4, 5, 6].map(() => data(1, Buffer.alloc(16_384))));
  assert.equal(await wire.resetOf(1), code.flowControl);
  wire.close();
});
