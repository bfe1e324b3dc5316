// A worker that ends by itself is replaced. What connects meanwhile waits in the socket, which is the
// process's, and what the worker had counted stays.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { respond } from '../../src/engine/plan.ts';
import { startEngine } from '../support/engine.ts';

const engine = await startEngine(() => respond(200, [], 'here'), 1);
after(() => engine.stop());

const ask = async () => (await fetch(engine.origin, { headers: { Connection: 'close' } })).text();

test('the only worker ends: a request is answered by its successor, and totals do not go back', async () => {
  assert.equal(await ask(), 'here');
  const [first] = engine.reactors;
  assert.ok(first);
  first.stop(0);
  while (engine.reactors.length === 1) assert.equal(await ask(), 'here');
  assert.equal(await ask(), 'here');
  assert.ok((engine.pool.counters().requests ?? 0) >= 2);
  assert.equal(first.counters().requests, 1);
});
