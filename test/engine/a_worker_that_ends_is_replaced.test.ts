// A worker that ends by itself is replaced. What connects meanwhile waits in the socket, which is the
// process's, and what the worker had counted stays.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { respond } from '../../src/engine/plan.ts';
import { startEngine } from '../support/engine.ts';

const engine = await startEngine(() => respond(200, [], 'here'), 1);
after(() => engine.stop());

/** Asks until it is answered. A worker that ends may close what it has accepted; nothing may be refused. */
async function ask(): Promise<string> {
  for (;;) {
    try {
      return await (await fetch(engine.origin, { headers: { Connection: 'close' } })).text();
    } catch (error) {
      assert.doesNotMatch(`${inspect(error)} ${inspect((error as Error).cause)}`, /refused/i);
    }
  }
}

test('the only worker ends: a request is answered by its successor, and totals do not go back', async () => {
  assert.equal(await ask(), 'here');
  const [first] = engine.reactors;
  assert.ok(first);
  first.stop(0);
  while (engine.reactors.length === 1) assert.equal(await ask(), 'here');
  assert.equal(await ask(), 'here');
  assert.ok((engine.pool.counters().requests ?? 0) >= 2);
  assert.ok((first.counters().requests ?? 0) >= 1);
});
