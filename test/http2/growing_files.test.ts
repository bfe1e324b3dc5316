// Uploads that are read while they arrive, over HTTP/2 at either end and at both.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { growing } from '../support/growing.ts';
import {
  code,
  type Field,
  flag,
  frame,
  Http2Wire,
  number32,
  request,
  statusOf,
  type,
} from '../support/http2_wire.ts';
import { until } from '../support/wait.ts';

const { server, site, clear, certificate, upload, read, stop } = await growing({
  limits: { stallTimeout: 1500, minRate: 1 },
});
after(stop);

const token: Field = ['authorization', `Bearer ${site.token}`];

/** A reader that has the head of a 200. */
async function reading(path: string, settings = {}, url = clear): Promise<Http2Wire> {
  const ask = async () => {
    const wire = await Http2Wire.open(url, settings, url === clear ? undefined : certificate);
    wire.ask(1, request('GET', path));
    const head = await wire.until((each) => each.type === type.headers);
    const status = statusOf(head.payload);
    if (status !== 200) wire.close();
    return { wire, status };
  };
  return (await until(ask, ({ status }) => status === 200, path)).wire;
}

async function data(wire: Http2Wire): Promise<{ text: string; ends: boolean }> {
  const got = await wire.until((each) => each.stream === 1 && each.type !== type.windowUpdate);
  if (got.type === type.reset) throw new Error(`reset by ${got.payload.readUInt32BE(0)}`);
  return { text: got.payload.toString(), ends: (got.flags & flag.endStream) !== 0 };
}

test('readers of HTTP/2 get each piece of an upload of HTTP/1.1 as it comes, and its end', async () => {
  const path = '/o/live/from1';
  const writer = await upload(path);
  writer.chunk('first');
  const readers = await Promise.all([clear, clear, server.url].map((url) => reading(path, {}, url)));
  for (const wire of readers) assert.deepEqual(await data(wire), { text: 'first', ends: false });
  writer.chunk('second');
  for (const wire of readers) assert.deepEqual(await data(wire), { text: 'second', ends: false });
  writer.chunk('');
  for (const wire of readers) {
    assert.deepEqual(await data(wire), { text: '', ends: true });
    wire.ask(3, request('GET', path));
    assert.deepEqual(await wire.answer(3), { status: 200, body: Buffer.from('firstsecond') });
    wire.close();
  }
});

test('readers of both protocols get each piece of an upload of HTTP/2, and its end', async () => {
  const path = '/o/live/from2';
  const writer = await Http2Wire.open(clear);
  writer.begin(1, request('PUT', path, token));
  writer.send(frame(type.data, 0, 1, Buffer.from('first')));
  const [one, two] = [await read(path), await reading(path)];
  assert.equal((await one.wire.chunk()).toString(), 'first');
  assert.deepEqual(await data(two), { text: 'first', ends: false });
  writer.send(frame(type.data, 0, 1, Buffer.from('second')));
  assert.equal((await one.wire.chunk()).toString(), 'second');
  assert.deepEqual(await data(two), { text: 'second', ends: false });
  writer.send(frame(type.data, flag.endStream, 1));
  assert.equal(await writer.status(1), 201);
  assert.equal((await one.wire.chunk()).toString(), '');
  assert.deepEqual(await data(two), { text: '', ends: true });
  for (const wire of [writer, one.wire, two]) wire.close();
});

test('an upload of HTTP/2 that is reset: streams of readers are reset, HTTP/1.1 is closed', async () => {
  const path = '/o/live/reset';
  const writer = await Http2Wire.open(clear);
  writer.begin(1, request('PUT', path, token));
  writer.send(frame(type.data, 0, 1, Buffer.from('first')));
  const [one, two] = [await read(path), await reading(path)];
  assert.equal((await one.wire.chunk()).toString(), 'first');
  writer.send(frame(type.reset, 0, 1, number32(code.cancel)));
  assert.equal(await two.resetOf(1), code.internalError);
  assert.equal((await one.wire.ended()).rest, '');
  two.ask(3, request('GET', path));
  assert.equal(await two.status(3), 404);
  for (const wire of [writer, two]) wire.close();
});

test('an answer whose length was promised is reset before its last byte', async () => {
  const path = '/o/live/promised';
  const digest = Buffer.alloc(32).toString('base64');
  const writer = await upload(path, 'Content-Length: 6', `Repr-Digest: sha-256=:${digest}:`);
  writer.wire.send('abc');
  const wire = await reading(path);
  assert.equal((await data(wire)).text, 'abc');
  writer.wire.send('def');
  assert.equal((await writer.answer()).status, 422);
  const rest = await wire.until(
    (each) => each.stream === 1 && [type.data, type.reset].includes(each.type as 0),
  );
  if (rest.type === type.data) {
    assert.equal(rest.payload.toString(), 'de');
    assert.equal(await wire.resetOf(1), code.internalError);
  }
  wire.close();
});

test('a reader that opens no window is cut after a while; others and the upload go on', async () => {
  const path = '/o/live/shut';
  const writer = await upload(path);
  writer.chunk('a'.repeat(1000));
  const shut = await reading(path, { 4: 10 });
  const other = await reading(path);
  const before = await server.metric('sealgate_write_stalls_total');
  const trickle = setInterval(() => writer.chunk('b'), 100);
  await until(
    () => server.metric('sealgate_write_stalls_total'),
    (total) => total === before + 1,
    'the stalled reader',
  );
  clearInterval(trickle);
  writer.chunk('');
  assert.equal((await writer.answer()).status, 201);
  for (;;) if ((await data(other)).ends) break;
  for (const wire of [shut, other]) wire.close();
});
