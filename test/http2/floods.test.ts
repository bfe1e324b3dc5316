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
    assert.deepEqual(await wire.ended(), { goaway: code.calm, by: 'end' });
  });
}

const ping = frame(type.ping, 0, 0, Buffer.alloc(8));
const aborts = () => served.server.metric('sealgate_http2_aborts_total');
for (const [what, bytes] of [
  ['PING', ping],
  ['SETTINGS', frame(type.settings, 0, 0)],
] as const) {
  test(`90 ${what} at once: an acknowledgement each`, async () => {
    const wire = await Http2Wire.open(served.clear);
    await wire.until((each) => each.type === type.settings && each.flags === flag.ack);
    wire.send(times(90, bytes));
    for (let n = 0; n < 90; n++) await wire.until((each) => each.flags === flag.ack);
    wire.close();
  });

  test(`300 ${what} at once: the connection ends`, async () => {
    const before = await aborts();
    const wire = await Http2Wire.open(served.clear);
    wire.send(times(300, bytes));
    assert.notEqual((await wire.ended()).by, 'silence');
    assert.equal(await aborts(), before + 1);
    assert.equal((await served.server.curl('/o/files/small')).status, 200);
  });
}

test('a SETTINGS of 32 entries is acknowledged, one of 33 ends the connection', async () => {
  const entry = Buffer.from([0, 4, 0, 0, 0x40, 0]);
  const wire = await Http2Wire.open(served.clear);
  const acknowledged = () => wire.until((each) => each.type === type.settings && each.flags === flag.ack);
  await acknowledged();
  wire.send(frame(type.settings, 0, 0, times(32, entry)));
  await acknowledged();
  wire.send(frame(type.settings, 0, 0, times(33, entry)));
  assert.deepEqual(await wire.ended(), { goaway: code.calm, by: 'end' });
});

test('a head in 8 CONTINUATION is answered, one in 9 ends the connection', async () => {
  const fields = block(...request('GET', '/o/files/small'));
  const inPieces = (stream: number, pieces: number) => [
    frame(type.headers, flag.endStream, stream, fields),
    times(pieces - 1, frame(type.continuation, 0, stream)),
    frame(type.continuation, flag.endHeaders, stream),
  ];
  const before = await aborts();
  const wire = await Http2Wire.open(served.clear);
  wire.send(...inPieces(1, 8));
  assert.equal(await wire.status(1), 200);
  wire.send(...inPieces(3, 9));
  assert.notEqual((await wire.ended()).by, 'silence');
  assert.equal(await aborts(), before + 1);
});

test('a window of a stream that is raised by 0: PROTOCOL_ERROR', async () => {
  const wire = await Http2Wire.open(served.clear);
  wire.send(upload, frame(type.windowUpdate, 0, 1, number32(0)));
  assert.equal((await wire.ended()).goaway, code.protocolError);
});
