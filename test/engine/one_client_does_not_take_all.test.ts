// Clients take turns at the application: one that asks for more than it answers leaves room for others.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { respond } from '../../src/engine/plan.ts';
import { startEngine } from '../support/engine.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

/** test/support/engine.ts allows 64 requests at a time. */
const places = 64;
let release = () => {};
const released = new Promise<void>((resolve) => {
  release = resolve;
});
let held = 0;
const engine = await startEngine((request) => {
  if (request.path !== '/held') return respond(200, [], 'at once');
  held += 1;
  return released.then(() => respond(200, [], 'held'));
}, 1);
after(() => engine.stop());

test('a client that asks for all places gets three quarters, and another is answered', async () => {
  const wires = await Promise.all(
    Array.from({ length: places }, () => Wire.open(engine.origin, undefined, '127.0.0.2')),
  );
  const answers = wires.map((wire) => wire.get('/held'));
  await until(
    () => held,
    (count) => count === (places / 4) * 3,
    'requests that the application has',
  );
  const other = await Wire.open(engine.origin);
  for (let i = 0; i < places; i++) assert.equal((await other.get('/')).body.toString(), 'at once');
  assert.equal(held, (places / 4) * 3);
  release();
  for (const answer of answers) assert.equal((await answer).body.toString(), 'held');
  assert.equal(held, places);
  for (const wire of [other, ...wires]) wire.close();
});
