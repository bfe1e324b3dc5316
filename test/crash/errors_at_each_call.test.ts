// Each call by which a collection, a scrub, an upgrade, a switch, a forget or a compaction changes the disk
// fails once, with each error that a disk or the limit of open files gives: the operation passes all the
// same, or says what failed and is done by a further try in the same process, or the process says that a new
// one is needed. Nothing is lost or half there. FAULTS=all takes every call and every error (`make faults`),
// else some.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Expected } from '../faults/marks.ts';
import { type ErrorName, eachStep, errors, takesAll } from '../faults/shim.ts';
import { damaged } from '../faults/work.ts';
import { makeStore, operations } from './operations.ts';
import { callOf, faultsOf, tableOf } from './table.ts';
import { lanes, Victims } from './victims.ts';

/** More than an operation has. */
const most = 400;
const stride = takesAll ? 1 : 17;
const some: ErrorName[] = ['EIO', 'ENOSPC'];

const victims = await Victims.make();
after(() => victims.remove());
const template = join(victims.home, 'template');
const expected = new Expected();
await makeStore(template, (mark) => expected.take(mark));

for (const name of ['collection', 'scrub', 'upgrade', 'switch of three names', 'forgetting', 'compaction']) {
  for (const error of takesAll ? (Object.keys(errors) as ErrorName[]) : some) {
    test(`${name}: calls that fail with ${error} lose nothing`, async (t) => {
      const failures = await victims.inLanes((lane, number) =>
        eachStep({ first: 1 + number * stride, most, stride: stride * lanes }, async (step) => {
          await lane.take(template, expected);
          await operations[name]?.before?.(lane.root, (mark) => lane.expected.take(mark));
          const failure = await lane.fail({ number: step, error }, name, damaged);
          return failure.hit === undefined ? undefined : failure;
        }),
      );
      t.diagnostic?.(tableOf(failures, `${name}: ${error}`, (each) => `${callOf(each)}: it ${each.end}`));
      assert.deepEqual(faultsOf(failures), []);
      assert.ok(failures.length >= 2 && failures.length * stride < most, `${failures.length} calls`);
    });
  }
}
