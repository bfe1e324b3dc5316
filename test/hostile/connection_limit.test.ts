// The limit of connections: a worker has no more of them open. Those beyond take the place of others that are
// idle, the oldest first, or wait until one has gone.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const limit = 8;
const site = await createSite({ limits: { connections: limit } });
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});

const accepted = () => server.metric('sealgate_connections_accepted_total');

test('one beyond the limit takes the place of the one that has been idle longest', async () => {
  const before = await accepted();
  const wires: Wire[] = [];
  for (let i = 0; i < limit; i++) wires.push(await Wire.open(server.url));
  for (const wire of wires) assert.equal((await wire.get('/')).status, 200);
  const waiting = await Wire.open(server.url);
  assert.equal((await waiting.get('/')).status, 200);
  assert.equal(await accepted(), before + limit + 1);
  assert.deepEqual(await wires.shift()?.ended(), { by: 'end', rest: '' });
  for (const wire of [...wires, waiting]) {
    assert.equal((await wire.get('/')).status, 200);
    wire.close();
  }
});

test('ten times as many are all served in the end', async () => {
  const idle = () => server.metric('sealgate_connections{state="idle"}');
  await until(idle, (open) => open === 0, 'open connections');
  const answers = Array.from({ length: 10 * limit }, async () => {
    const wire = await Wire.open(server.url);
    const { status } = await wire.get('/', 'Connection: close');
    wire.close();
    return status;
  });
  assert.deepEqual(await Promise.all(answers), Array(10 * limit).fill(200));
});
