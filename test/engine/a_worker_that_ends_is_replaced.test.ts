// A worker that ends by itself is replaced by one that listens on the same port, and what it had counted
// stays.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { respond } from '../../src/engine/plan.ts';
import { startEngine } from '../support/engine.ts';

const engine = await startEngine(() => respond(200, [], 'here'), 1);
after(() => engine.stop());

/** Asks until a worker answers; a connection that meets none is refused at once. */
async function ask(): Promise<string> {
  for (const end = performance.now() + 10_000; ; ) {
    try {
      return await (await fetch(engine.origin, { headers: { Connection: 'close' } })).text();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

test('requests are answered again, and totals do not go back', async () => {
  assert.equal(await ask(), 'here');
  const [first] = engine.reactors;
  assert.ok(first);
  first.stop(0);
  while (engine.reactors.length === 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await ask(), 'here');
  assert.notEqual(engine.reactors[1]?.id, first.id);
  assert.deepEqual(engine.reactors[1]?.listeners, first.listeners);
  assert.ok((engine.pool.counters().requests ?? 0) >= 2);
  assert.equal(first.counters().requests, 1);
});
