// A client that is gone right behind the last byte of an upload may believe that it is stored, so it is. What
// else it had asked for ends.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
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

const served = await serve();
after(served.stop);
const { server, site, clear } = served;
const trust = await readFile(site.certificate, 'utf8');

const token: Field = ['authorization', `Bearer ${site.token}`];
const frameBytes = 16_384;

/** The frames of a whole body. */
function frames(stream: number, body: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let from = 0; from < body.length; from += frameBytes) {
    const piece = body.subarray(from, from + frameBytes);
    const last = from + frameBytes >= body.length;
    all.push(frame(type.data, last ? flag.endStream : 0, stream, piece));
  }
  return all;
}

const pings = (count: number) =>
  Buffer.concat(Array.from({ length: count }, () => frame(type.ping, 0, 0, Buffer.alloc(8))));

async function left(wire: Http2Wire, how: 'closes' | 'resets', last: Buffer): Promise<void> {
  await new Promise((resolve) => wire.socket.write(last, resolve));
  if (how === 'closes') wire.close();
  else wire.socket.resetAndDestroy();
}

const connections = (state: string) => server.metric(`sealgate_connections{state="${state}"}`);
async function stored(name: string): Promise<Buffer> {
  const ask = () => server.curl(`/o/files/${name}`);
  return (await until(ask, ({ status }) => status === 200, `${name} in the store`)).body;
}

for (const [to, how] of [
  ['clear', 'closes'],
  ['clear', 'resets'],
  ['TLS', 'closes'],
] as const) {
  for (const size of [1, 50_000, 900_000]) {
    test(`${to}: an upload of ${size} bytes whose client ${how} at once is stored`, async () => {
      const body = randomBytes(size);
      const name = `${to}-${how}-${size}`;
      const wire = await Http2Wire.open(to === 'TLS' ? server.url : clear, {}, trust);
      wire.begin(1, request('PUT', `/o/files/${name}`, token));
      if (size > 65_535) await wire.until((each) => each.type === type.windowUpdate && each.stream === 1);
      const all = frames(1, body);
      const last = all.pop() ?? Buffer.alloc(0);
      // What its own kernel has not sent yet is lost when it resets, so all else is at the server before.
      if (all.length > 0) {
        wire.send(...all, pings(1));
        await wire.until((each) => each.type === type.ping);
      }
      await left(wire, how, last);
      assert.ok((await stored(name)).equals(body));
    });
  }
}

const resets = (count: number) => {
  const fields = block(...request('GET', '/o/files/large'));
  const heads = Array.from({ length: count }, (_, n) => 2 * n + 101).flatMap((stream) => [
    frame(type.headers, flag.endHeaders | flag.endStream, stream, fields),
    frame(type.reset, 0, stream, number32(code.cancel)),
  ]);
  return Buffer.concat(heads);
};
const goaway = (of: number) => frame(type.goaway, 0, 0, Buffer.concat([number32(0), number32(of)]));

// What comes right behind an upload, in the same segments, and ends its connection.
const ends: Record<string, Buffer> = {
  'GOAWAY without an error': goaway(code.noError),
  'GOAWAY with an error': goaway(code.internalError),
  'a frame that is an error of the connection': frame(type.data, 0, 0, Buffer.from('x')),
  'more pings than are answered': pings(300),
  'more resets than are forgiven': resets(500),
};
for (const [what, last] of Object.entries(ends)) {
  for (const size of [1, 50_000]) {
    for (const closes of [true, false]) {
      const left = closes ? 'closes' : 'stays';
      test(`an upload of ${size} bytes, ${what} behind it, a client that ${left}: it is stored`, async () => {
        const body = randomBytes(size);
        const name = `${what.replaceAll(' ', '-')}-${left}-${size}`;
        const wire = await Http2Wire.open(clear);
        const head = frame(
          type.headers,
          flag.endHeaders,
          1,
          block(...request('PUT', `/o/files/${name}`, token)),
        );
        await new Promise((resolve) =>
          wire.socket.write(Buffer.concat([head, ...frames(1, body), last]), resolve),
        );
        if (closes) wire.close();
        assert.ok((await stored(name)).equals(body));
        wire.close();
      });
    }
  }
}

test('twenty uploads on one connection, and a download: those are stored, and this is cut', async () => {
  const before = await server.metric('sealgate_uploads_lost_total');
  const wire = await Http2Wire.open(clear, { 4: 100_000 });
  const names = Array.from({ length: 20 }, (_, n) => `one-of-many-${n}`);
  wire.ask(1, request('GET', '/o/files/large'));
  for (const [n, name] of names.entries()) wire.begin(2 * n + 3, request('PUT', `/o/files/${name}`, token));
  wire.begin(99, request('PUT', '/o/files/half', token));
  wire.send(frame(type.data, 0, 99, Buffer.from('half')));
  await wire.until((each) => each.type === type.windowUpdate && each.stream === 99);
  await left(wire, 'resets', Buffer.concat(names.flatMap((name, n) => frames(2 * n + 3, Buffer.from(name)))));
  for (const name of names) assert.equal((await stored(name)).toString(), name);
  const lost = () => server.metric('sealgate_uploads_lost_total');
  await until(lost, (count) => count === before + 1, 'the upload that was not whole');
  for (const state of ['receiving', 'sending', 'waiting', 'lingering'])
    await until(
      () => connections(state),
      (count) => count === 0,
      `connections that are ${state}`,
    );
  assert.equal((await server.curl('/o/files/half')).status, 404);
});
