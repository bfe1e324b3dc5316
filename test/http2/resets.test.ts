// Streams that are opened and reset, by the client (CVE-2023-44487) or by what it makes the server do
// (CVE-2025-8671): some hundred at once are taken for impatience, more end the connection. Others are served.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { block, code, flag, frame, Http2Wire, number32, request, type } from '../support/http2_wire.ts';
import { serve } from './support.ts';

const served = await serve();
after(served.stop);

const fields = block(...request('GET', '/o/files/large'));
const head = (stream: number) => frame(type.headers, flag.endHeaders | flag.endStream, stream, fields);
const post = (stream: number, ...more: [string, string][]) =>
  frame(type.headers, flag.endHeaders, stream, block(...request('PUT', '/o/files/x', ...more)));
const stream = (n: number) => 2 * n + 1;

type Attack = (id: number) => Buffer[];
const attacks: Record<string, Attack> = {
  'requests that the client resets': (id) => [head(id), frame(type.reset, 0, id, number32(code.cancel))],
  'windows that overflow': (id) => [head(id), frame(type.windowUpdate, 0, id, number32(0x7fffffff))],
  'bodies longer than they say': (id) => [
    post(id, ['content-length', '1']),
    frame(type.data, flag.endStream, id, Buffer.alloc(2)),
  ],
  'heads that are malformed': (id) => [
    frame(type.headers, flag.endHeaders | flag.endStream, id, block(...request('GET', '/', ['X', 'y']))),
  ],
};

/** Fifty at a time, fewer than may be open at once. @returns the code of the GOAWAY that ended it. */
async function repeated(wire: Http2Wire, attack: Attack, times: number): Promise<number | undefined> {
  for (let n = 0; n < times; n++) {
    wire.send(...attack(stream(n)));
    if (n % 50 < 49) continue;
    wire.send(frame(type.ping, 0, 0, Buffer.alloc(8)));
    const answer = await wire.until((each) => each.type === type.ping || each.type === type.goaway);
    if (answer.type === type.goaway) return answer.payload.readUInt32BE(4);
  }
  return undefined;
}

for (const [what, attack] of Object.entries(attacks)) {
  test(`150 ${what}: the connection goes on`, async () => {
    const wire = await Http2Wire.open(served.clear, { 4: 1 });
    assert.equal(await repeated(wire, attack, 150), undefined);
    wire.ask(stream(150), request('HEAD', '/o/files/small'));
    assert.equal(await wire.status(stream(150)), 200);
    wire.close();
  });

  test(`500 ${what}: ENHANCE_YOUR_CALM`, async () => {
    const before = await served.server.metric('sealgate_http2_aborts_total');
    const wire = await Http2Wire.open(served.clear, { 4: 1 });
    assert.equal(await repeated(wire, attack, 500), code.calm);
    assert.equal(await served.server.metric('sealgate_http2_aborts_total'), before + 1);
    assert.equal((await served.server.curl('/o/files/small')).status, 200);
  });
}
