// Clients of HTTP/2 that are slow or still: each stream has the clocks of an HTTP/1.1 request, and the
// connection one for what it takes.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  block,
  code,
  type Field,
  flag,
  frame,
  Http2Wire,
  number32,
  request,
  type,
} from '../support/http2_wire.ts';
import { until } from '../support/wait.ts';
import { serve } from './support.ts';

const served = await serve({
  limits: { headTimeout: 700, stallTimeout: 700, idleTimeout: 2000, minRate: 1000 },
});
after(served.stop);
const { server, site, clear } = served;

const token: Field = ['authorization', `Bearer ${site.token}`];
const stalls = () => server.metric('sealgate_write_stalls_total');

/** Does something every 50 ms while it waits. */
async function meanwhile<T>(act: () => void, wait: Promise<T>): Promise<T> {
  const timer = setInterval(act, 50);
  return wait.finally(() => clearInterval(timer));
}

test('a head without its end: the connection ends', async () => {
  const wire = await Http2Wire.open(clear);
  wire.send(frame(type.headers, 0, 1, block(...request('GET', '/'))));
  assert.equal((await wire.ended()).goaway, code.calm);
});

test('half a frame: the connection ends when it has been idle', async () => {
  const wire = await Http2Wire.open(clear);
  wire.send(frame(type.headers, flag.endHeaders, 1, block(...request('GET', '/'))).subarray(0, 5));
  assert.equal((await wire.ended()).by, 'end');
});

test('pings keep no connection without requests', async () => {
  const wire = await Http2Wire.open(clear);
  const ping = () => wire.send(frame(type.ping, 0, 0, Buffer.alloc(8)));
  assert.deepEqual(await meanwhile(ping, wire.ended()), { goaway: code.noError, by: 'end' });
});

test('a body that comes byte by byte: 408, and the connection goes on', async () => {
  const wire = await Http2Wire.open(clear);
  wire.begin(1, request('PUT', '/o/files/slow', token));
  const byte = () => wire.send(frame(type.data, 0, 1, Buffer.from('x')));
  assert.equal(await meanwhile(byte, wire.status(1)), 408);
  wire.ask(3, request('GET', '/o/files/small'));
  assert.equal(await wire.status(3), 200);
  wire.close();
});

test('a client that reads nothing: cut', async () => {
  const before = await stalls();
  const wire = await Http2Wire.open(clear, { 4: 0x7fffffff });
  wire.send(frame(type.windowUpdate, 0, 0, number32(0x7fff0000)));
  wire.socket.pause();
  for (let n = 0; n < 90; n++) wire.ask(2 * n + 1, request('GET', '/o/files/large'));
  await until(stalls, (count) => count > before, 'stalls');
  wire.close();
});

test('a stream without a window, beside one that is read: it alone is reset', async () => {
  const wire = await Http2Wire.open(clear, { 4: 0 });
  wire.ask(1, request('GET', '/o/files/large'));
  await wire.until((each) => each.type === type.headers && each.stream === 1);
  wire.begin(3, request('PUT', '/o/files/beside', token));
  wire.send(frame(type.windowUpdate, 0, 3, number32(65_535)));
  const more = () => wire.send(frame(type.data, 0, 3, Buffer.alloc(1000)));
  assert.equal(await meanwhile(more, wire.resetOf(1)), code.cancel);
  wire.send(frame(type.data, flag.endStream, 3));
  assert.equal(await wire.status(3), 201);
  wire.close();
});

test('a window that opens by a byte at a time: cut', async () => {
  const before = await stalls();
  const wire = await Http2Wire.open(clear, { 4: 0 });
  wire.ask(1, request('GET', '/o/files/large'));
  await wire.until((each) => each.type === type.headers && each.stream === 1);
  const byte = () => wire.send(frame(type.windowUpdate, 0, 1, number32(1)));
  const cut = until(stalls, (count) => count > before, 'stalls');
  await meanwhile(byte, cut);
  wire.close();
});

test('a window of the connection that stays shut: cut', async () => {
  const before = await stalls();
  const wire = await Http2Wire.open(clear, { 4: 0x7fffffff });
  wire.ask(1, request('GET', '/o/files/large'));
  await until(stalls, (count) => count > before, 'stalls');
  wire.close();
});
