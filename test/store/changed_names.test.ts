// The queue of changed names: what a commit changes is in it with the commit, for each reader until it has
// done with it, and where a change may be missing it says everything.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Changes } from '../../src/store/changed_names.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import { changeState } from '../support/format_1.ts';
import { sha256, TestStore } from '../support/store.ts';

const all = { maxNames: 1000, onChange: () => {} };
const most = 256;

/** A store whose readers have done with all there was. */
async function watched(readers: string[], how: Partial<typeof all> = {}, buckets?: ReadonlySet<string>) {
  const site = await TestStore.open();
  after(() => site.remove());
  const watch = () => site.store.changed.watch(readers, buckets, { ...all, ...how });
  const next = (reader: string) => site.store.changed.next(reader, most);
  const done = async (reader: string) => {
    for (let found = next(reader); found; found = next(reader))
      await site.store.changed.done(reader, found.upTo);
  };
  await watch();
  for (const reader of readers) await done(reader);
  return { site, next, done, watch };
}

const namesIn = (changes: Changes | undefined) =>
  changes?.everything ?? changes?.names.map(({ bucket, name, version }) => `${bucket}/${name} ${version}`);

test('a new reader begins with everything, and then gets each change once', async () => {
  const { site, next, done, watch } = await watched(['a', 'b']);
  assert.deepEqual(namesIn(next('a')), undefined);
  await site.put('live', 'x', '1');
  await site.put('live', 'x', '1');
  await site.put('live', 'x', '2');
  await site.store.deleteRef('live', 'x');
  const expected = ['live/x 1', 'live/x 2', 'live/x 3'];
  assert.deepEqual(namesIn(next('a')), expected);
  await done('a');
  await site.reopen();
  await watch();
  assert.deepEqual([namesIn(next('a')), namesIn(next('b'))], [undefined, expected]);
  assert.deepEqual(site.store.changed.waiting('b').names, 3);
  await site.store.changed.watch(['a', 'c'], undefined, all);
  assert.equal(namesIn(next('c')), 'nothing was told before');
  assert.equal(next('b'), undefined, 'a reader that is no more');
});

test('entries go when all readers have done with them, and nothing is kept without readers', async () => {
  const { site, done } = await watched(['a', 'b']);
  const kept = async () => {
    let count = 0;
    await site.store.close();
    await changeState(site.root, async (state) => {
      for (const key of state.getKeys() as Iterable<string>) count += Number(key.startsWith('changes'));
    });
    await site.reopen().catch(() => {});
    return count;
  };
  await site.put('live', 'x', '1');
  await done('a');
  assert.equal(site.store.changed.waiting('b').names, 1);
  await done('b');
  assert.equal(await kept(), 3, 'the head and two readers');
  await site.store.changed.watch([], undefined, all);
  await site.put('live', 'y', '1');
  assert.equal(await kept(), 0);
});

test('other buckets and collected versions are no changes; forgotten bytes change all names', async () => {
  const { site, next, done } = await watched(['a'], {}, new Set(['live']));
  await site.put('files', 'x', '1');
  assert.equal(next('a'), undefined);
  await site.put('live', 'x', '1');
  await site.put('live', 'y', '1');
  await done('a');
  await site.store.setBucket('live', { keep: { versions: 0 } });
  await site.store.collect({ graceMs: 0 });
  assert.equal(next('a'), undefined);
  await site.store.forget(sha256('1'), 'a test');
  assert.deepEqual(namesIn(next('a')), [`/${sha256('1')} 0`, 'live/x 0', 'live/y 0']);
});

test('an end that comes is a change once collection has it on record', async () => {
  const { site, next, done } = await watched(['a']);
  await site.put('live', 'x', '1');
  await site.store.setBucket('live', { ttl: 1 });
  await done('a');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await site.store.collect({ graceMs: 0 });
  assert.deepEqual(namesIn(next('a')), ['live/x 2']);
});

test('behind the limit everything stands for the names, until somebody begins to act on it', async () => {
  const { site, next, done } = await watched(['a', 'b'], { maxNames: 3 });
  for (const name of ['1', '2', '3', '4', '5']) await site.put('live', name, name);
  assert.equal(namesIn(next('a')), 'more than 3 changes waited');
  await site.put('live', '6', '6');
  await done('a');
  await site.put('live', '7', '7');
  assert.deepEqual(namesIn(next('a')), ['live/7 1']);
  assert.equal(namesIn(next('b')), 'more than 3 changes waited');
  await done('b');
  assert.deepEqual(site.store.changed.waiting('b'), { names: 0 });
});

test('what is committed after everything was begun is told after it', async () => {
  const { site, next, done } = await watched(['a']);
  const asked = [
    site.put('live', '1', '1'),
    site.store.changed.everything('asked to'),
    site.put('live', '2', '2'),
  ];
  await Promise.all(asked);
  const begun = next('a');
  assert.equal(namesIn(begun), 'asked to');
  await site.put('live', '3', '3');
  await site.store.changed.done('a', begun?.upTo ?? 0);
  assert.deepEqual(namesIn(next('a')), ['live/3 1']);
  await done('a');
});

test('a commit by a program without the queue makes everything a change, and so does a rebuild', async () => {
  const { site, next, done, watch } = await watched(['a']);
  await site.put('live', 'x', '1');
  await done('a');
  await site.store.close();
  // What such a program leaves: a later commit, and the queue as it was.
  await changeState(site.root, async (state) => {
    const head = state.get('changes') as { sequence: number };
    await state.put('changes', { ...head, sequence: head.sequence - 1 });
  });
  await site.reopen();
  await site.put('live', 'y', '1');
  await watch();
  assert.match(String(namesIn(next('a'))), /^a program that does not know this queue/);
  await done('a');
  await site.store.close();
  await rebuildStore(site.root);
  await site.reopen();
  await watch();
  assert.equal(namesIn(next('a')), 'nothing was told before');
});

test('10,000 changes wait for one of two readers: the other has none, and all are told', async () => {
  const { site, next, done, watch } = await watched(['a', 'b'], { maxNames: 1_000_000 });
  await site.put('live', 'x', '1');
  await site.store.close();
  const many = 10_000;
  await changeState(site.root, async (state) => {
    const { next: first, ...head } = state.get('changes') as { next: number };
    await state.transaction(() => {
      for (let number = first; number < first + many; number++) {
        const key = `changes/${String(number).padStart(16, '0')}`;
        void state.put(key, { at: 1, names: [['live', `${number}`, 1]] });
      }
      void state.put('changes', { ...head, next: first + many });
      void state.put('changesRead/a', first + many - 1);
    });
  });
  await site.reopen();
  await watch();
  const { changed } = site.store;
  assert.equal(next('a'), undefined);
  assert.equal(changed.waiting('b').names, many + 1);
  await done('b');
  assert.deepEqual(changed.waiting('b'), { names: 0 });
  await site.put('live', 'y', '1');
  assert.deepEqual([namesIn(next('a')), namesIn(next('b'))], [['live/y 1'], ['live/y 1']]);
});
