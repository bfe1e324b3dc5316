// Frames that cost a client next to nothing: the connection ends when they are all it sends, and other
// clients are answered meanwhile.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { block, code, flag, frame, Http2Wire, number32, request, type } from '../support/http2_wire.ts';
import { serve } from './support.ts';

const served = await serve();
after(served.stop);

const upload = frame(
  type.headers,
  flag.endHeaders,
  1,
  block(...request('PUT', '/o/files/x', ['authorization', `Bearer ${served.site.token}`])),
);
const times = (n: number, bytes: Buffer) => Buffer.concat(Array.from({ length: n }, () => bytes));

const floods: Record<string, Buffer[]> = {
  'empty DATA': [upload, times(200_000, frame(type.data, 0, 1))],
  'padding alone': [
    upload,
    times(10_000, frame(type.data, 8, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]))),
  ],
  'WINDOW_UPDATE by 1': [upload, times(200_000, frame(type.windowUpdate, 0, 1, number32(1)))],
  PRIORITY: [upload, times(200_000, frame(type.priority, 0, 1, Buffer.from([0, 0, 0, 3, 1])))],
  PRIORITY_UPDATE: [
    upload,
    times(200_000, frame(type.priorityUpdate, 0, 0, Buffer.concat([number32(1), Buffer.from('u=1')]))),
  ],
  'frames of types that nobody knows': [times(200_000, frame(77, 0, 0, Buffer.from('x')))],
};

for (const [what, flood] of Object.entries(floods)) {
  test(`${what}: ENHANCE_YOUR_CALM, and a neighbour is answered`, async () => {
    const wire = await Http2Wire.open(served.clear);
    wire.send(...flood);
    assert.equal((await served.server.curl('/o/files/small')).status, 200);
    const { goaway, by } = await wire.ended();
    assert.notEqual(by, 'silence');
    if (goaway !== undefined) assert.equal(goaway, code.calm);
  });
}

const ping = frame(type.ping, 0, 0, Buffer.alloc(8));
for (const [what, bytes] of [
  ['PING', ping],
  ['SETTINGS', frame(type.settings, 0, 0)],
] as const) {
  test(`${what} without end: the connection ends`, async () => {
    const wire = await Http2Wire.open(served.clear);
    const more = times(10_000, bytes);
    const timer = setInterval(() => wire.send(more), 5);
    const { by } = await wire.ended().finally(() => clearInterval(timer));
    assert.notEqual(by, 'silence');
    assert.equal((await served.server.curl('/o/files/small')).status, 200);
  });
}

test('a SETTINGS of 33 entries: the connection ends', async () => {
  const wire = await Http2Wire.open(served.clear);
  const entry = Buffer.from([0, 4, 0, 0, 0x40, 0]);
  wire.send(frame(type.settings, 0, 0, times(33, entry)));
  assert.equal((await wire.ended()).by, 'end');
});

test('CONTINUATION without end: the connection ends', async () => {
  const wire = await Http2Wire.open(served.clear);
  wire.send(
    frame(type.headers, 0, 1, block(...request('GET', '/'))),
    times(1000, frame(type.continuation, 0, 1)),
  );
  assert.notEqual((await wire.ended()).by, 'silence');
});

test('a window of a stream that is raised by 0: PROTOCOL_ERROR', async () => {
  const wire = await Http2Wire.open(served.clear);
  wire.send(upload, frame(type.windowUpdate, 0, 1, number32(0)));
  assert.equal((await wire.ended()).goaway, code.protocolError);
});
