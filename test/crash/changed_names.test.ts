// A program is killed at calls by which it changes names: whatever was changed, acknowledged or not, is in
// the queue of those who tell caches. CRASH=all takes every call (`make crash`), else some.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';
import { Expected } from '../faults/marks.ts';
import { eachStep } from '../faults/shim.ts';
import { damaged } from '../faults/work.ts';
import { makeStore } from './operations.ts';
import { type Death, lanes, takesAll, Victims } from './victims.ts';

/** More than an operation has. */
const most = 400;
const reader = 'cache';
const watch = (store: Store) =>
  store.changed.watch([reader], undefined, { maxNames: 1000, onChange: () => {} });

const victims = await Victims.make();
after(() => victims.remove());
const template = join(victims.home, 'template');
const expected = new Expected();
await makeStore(template, (mark) => expected.take(mark));
const before = await withStore(template, async (store) => {
  await watch(store);
  for (let next = store.changed.next(reader, 1); next; next = store.changed.next(reader, 1))
    await store.changed.done(reader, next.upTo);
  return newest(store);
});

async function withStore<T>(root: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ root });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The newest version of each name. */
function newest(store: Store): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name: bucket } of store.buckets())
    for (const { name, version } of store.versions(bucket, { limit: 1000 }).entries)
      found.set(`${bucket}/${name}`, version);
  return found;
}

/** Names that are others than before, and not in the queue. */
function untold(store: Store): string[] {
  const next = store.changed.next(reader, 1000);
  assert.equal(next?.everything, undefined);
  const told = new Set(next?.names.map(({ bucket, name, version }) => `${bucket}/${name} ${version}`));
  return [...newest(store)]
    .filter(([name, version]) => before.get(name) !== version && !told.has(`${name} ${version}`))
    .map(([name, version]) => `${name} ${version}`);
}

for (const name of ['overwrite', 'switch of three names', 'deletion', 'import'])
  test(`${name}: killed at each call, what it changed is in the queue`, async () => {
    const stride = takesAll ? 1 : 5;
    let changed = 0;
    const deaths = await victims.inLanes((lane, number) => {
      const steps = { first: 1 + number * stride, most, stride: stride * lanes };
      return eachStep<Death>(steps, async (step) => {
        await lane.take(template, expected);
        const death = await lane.die({ number: step, error: 'kill' }, ['operation', name], damaged);
        await withStore(lane.root, async (store) => {
          await watch(store);
          assert.deepEqual(untold(store), [], `step ${step}, at ${death.hit}`);
          changed += Number(store.changed.waiting(reader).names > 0);
        });
        return death.hit === undefined ? undefined : death;
      });
    });
    assert.ok(deaths.length >= 2 && changed > 0, `${deaths.length} deaths, ${changed} with changes`);
  });
