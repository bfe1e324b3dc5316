// A server that ends tells clients of HTTP/2 in two steps (RFC 9113 6.8): requests that are on their way when
// the client hears of it are answered, and what is under way is finished.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flag, frame, Http2Wire, number32, request, type } from '../support/http2_wire.ts';
import { large, serve } from './support.ts';

test('SIGTERM: GOAWAY, a request that crosses it is answered, a last GOAWAY, the end', async () => {
  const served = await serve();
  const wire = await Http2Wire.open(served.clear);
  wire.ask(1, request('GET', '/o/files/large'));
  await wire.until((each) => each.stream === 1);
  const stopped = served.server.stop();
  const first = await wire.until((each) => each.type === type.goaway);
  assert.equal(first.payload.readUInt32BE(0), 0x7fffffff);
  const ping = await wire.until((each) => each.type === type.ping && each.flags === 0);
  wire.ask(3, request('GET', '/o/files/small'));
  wire.send(frame(type.ping, flag.ack, 0, ping.payload));
  const window = number32(2 * large.length);
  wire.send(frame(type.windowUpdate, 0, 0, window), frame(type.windowUpdate, 0, 1, window));
  const ended = new Set<number>();
  let last = Number.NaN;
  for (let got = await wire.next(); got; got = await wire.next()) {
    if (got.type === type.goaway) last = got.payload.readUInt32BE(0);
    if (got.type <= type.headers && (got.flags & flag.endStream) !== 0) ended.add(got.stream);
  }
  assert.deepEqual([...ended].sort(), [1, 3]);
  assert.equal(last, 3);
  assert.equal(await stopped, 0);
  await served.site.remove();
});

test('SIGTERM: an idle client that says nothing is closed in time', async () => {
  const served = await serve();
  const wire = await Http2Wire.open(served.clear);
  await wire.until((each) => each.type === type.settings && each.flags === flag.ack);
  const stopped = served.server.stop();
  assert.equal((await wire.ended()).by, 'end');
  assert.equal(await stopped, 0);
  await served.site.remove();
});
