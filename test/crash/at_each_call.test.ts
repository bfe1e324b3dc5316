// A program is killed before each call by which an operation changes the disk, and in it, until the operation
// passes untouched: the store opens, all that was acknowledged is there with its bytes, and nothing is half
// there. CRASH=all takes every call (`make crash`), else some.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Expected } from '../faults/marks.ts';
import { eachStep } from '../faults/shim.ts';
import { damaged } from '../faults/work.ts';
import { makeStore, operations } from './operations.ts';
import { callOf, faultsOf, tableOf } from './table.ts';
import { type Death, lanes, takesAll, Victims } from './victims.ts';

/** More than an operation has. */
const most = 400;

const victims = await Victims.make();
after(() => victims.remove());
const template = join(victims.home, 'template');
const expected = new Expected();
await makeStore(template, (mark) => expected.take(mark));

function deathsOf(name: string, error: 'kill' | 'kill in it', stride: number): Promise<Death[]> {
  return victims.inLanes((lane, number) => {
    const steps = { first: 1 + number * stride, most, stride: stride * lanes };
    return eachStep(steps, async (step) => {
      await lane.take(template, expected);
      await operations[name]?.before?.(lane.root, (mark) => lane.expected.take(mark));
      const death = await lane.die({ number: step, error }, ['operation', name], damaged);
      return death.hit === undefined ? undefined : death;
    });
  });
}

for (const name of Object.keys(operations)) {
  test(`${name}: killed at each call, it loses nothing`, async (t) => {
    const stride = takesAll ? 1 : 13;
    const before = await deathsOf(name, 'kill', stride);
    const within = await deathsOf(name, 'kill in it', takesAll ? 1 : 23);
    t.diagnostic?.(tableOf(before, `${name}: killed before`, callOf));
    t.diagnostic?.(tableOf(within, `${name}: killed in`, callOf));
    const deaths = [...before, ...within];
    t.diagnostic?.(tableOf(deaths, 'all', () => name));
    assert.deepEqual(faultsOf(deaths), []);
    assert.ok(before.length >= 2 && before.length * stride < most, `${before.length} calls`);
  });
}
