// At limits.connections an idle connection of HTTP/2 gives way to a new client, as one of HTTP/1.1 does.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Http2Wire, request } from '../support/http2_wire.ts';
import { serve } from './support.ts';

const served = await serve({ limits: { connections: 4 } });
after(served.stop);

test('five clients, room for four: the first gets GOAWAY, and the last is answered', async () => {
  const wires: Http2Wire[] = [];
  for (let n = 0; n < 5; n++) {
    const wire = await Http2Wire.open(served.clear);
    wire.ask(1, request('GET', '/o/files/small'));
    assert.equal(await wire.status(1), 200);
    wires.push(wire);
  }
  assert.deepEqual(await wires[0]?.ended(), { goaway: 0, by: 'end' });
  for (const wire of wires) wire.close();
});
