// What a bucket keeps is counted in the commit that changes it: after thousands of operations of every kind
// the counters are what a count of all records finds, and so they are in a store that an older version wrote.

import assert from 'node:assert/strict';
import { copyFile, mkdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { StoreFormat } from '../../src/store/format.ts';
import { nameHold } from '../../src/store/holds.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import type { StoreRecord } from '../../src/store/records.ts';
import { versionsATime } from '../../src/store/usage_count.ts';
import { changeState, forgetCounters, makeFormat1 } from '../support/format_1.ts';
import { seeded } from '../support/random.ts';
import { sha256, TestStore } from '../support/store.ts';
import { faultsBetweenRecords } from '../support/whole_store.ts';

const site = await TestStore.open();
after(() => site.remove());
const usage = (bucket: string) => site.store.usage(bucket);

/** What a count of all records finds wrong, once nobody has the store open. */
async function faultsAtRest(): Promise<string[]> {
  await site.store.close();
  const faults = await faultsBetweenRecords(site.root);
  site.store = await openStore({ root: site.root });
  return faults;
}

test('a version counts with its size, each for itself where several have the same bytes', async () => {
  assert.deepEqual(usage('live'), { objects: 0, bytes: 0 });
  await site.put('live', 'a', '12345');
  await site.put('live', 'b', '12345');
  assert.deepEqual(usage('live'), { objects: 2, bytes: 10 });
  await site.put('live', 'a', '12345');
  assert.deepEqual(usage('live'), { objects: 2, bytes: 10 }, 'the same bytes again');
  await site.put('live', 'a', '1');
  assert.deepEqual(usage('live'), { objects: 3, bytes: 11 }, 'and those that were overwritten');
  await site.store.deleteRef('live', 'a');
  assert.deepEqual(usage('live'), { objects: 3, bytes: 11 }, 'and those that were deleted');
  assert.deepEqual(usage('files'), { objects: 0, bytes: 0 }, 'another bucket');
});

test('what is collected counts no more, and what is forgotten until its name goes', async () => {
  await site.store.setBucket('live', { keep: { versions: 0 } });
  await site.store.collect({ graceMs: 0 });
  assert.deepEqual(usage('live'), { objects: 1, bytes: 5 });
  await site.store.forget(sha256('12345'), 'a test');
  assert.deepEqual(usage('live'), { objects: 1, bytes: 5 });
  await site.store.deleteRef('live', 'b');
  await site.store.collect({ graceMs: 0 });
  assert.deepEqual(usage('live'), { objects: 0, bytes: 0 });
  await site.put('files', 'deleted', 'burnt');
  await site.store.deleteRef('files', 'deleted');
  await site.store.collect({ graceMs: 0 });
  assert.deepEqual(usage('files'), { objects: 0, bytes: 0 }, 'a write-once name that is known to be deleted');
});

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
test(`after 3000 operations the counters are right, with seed ${seed}`, async () => {
  const random = seeded(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const text = () => 'x'.repeat(pick(40)) + pick(6);
  const bucket = () => (pick(3) === 0 ? 'files' : 'live');
  const refusals = /name-taken|not-found|name-deleted|content-unknown|content-forgotten/;
  const operations: (() => Promise<unknown>)[] = [
    () => site.put(bucket(), `n${pick(30)}`, text()),
    () => site.store.deleteRef(bucket(), `n${pick(30)}`),
    () => site.store.putRef('live', `n${pick(30)}`, { digest: sha256(text()) }),
    () =>
      site.store.switchNames('live', [
        { name: `n${pick(10)}`, to: { digest: sha256(text()) } },
        { name: `n${10 + pick(20)}` },
      ]),
  ];
  const rare = [
    () => site.store.collect({ graceMs: 0 }),
    () => site.store.forget(sha256(text()), 'a test'),
    () => site.store.quarantine(sha256(text()), 'a test'),
    () => site.store.restore(sha256(text())),
    () => site.reopen(),
  ];
  let refused = 0;
  for (let done = 0; done < 3000; ) {
    // Several at a time share commits; what closes the store goes alone.
    const some =
      pick(20) === 0 ? [rare[pick(rare.length)]] : Array.from({ length: 6 }, () => operations[pick(4)]);
    done += some.length;
    for (const each of await Promise.allSettled(some.map((operation) => operation?.()))) {
      if (each.status === 'fulfilled') continue;
      assert.match(each.reason.code ?? each.reason.stack, refusals);
      refused++;
    }
  }
  assert.ok(refused > 0 && refused < 2500, `${refused} refused`);
  assert.deepEqual(await site.store.miscounted(), []);
  assert.deepEqual(await faultsAtRest(), []);
  assert.ok((usage('live')?.objects ?? 0) > 0);
});

const usages = () => ['files', 'live'].map(usage);

test('a store that nobody has counted is counted when it is opened, and says so', async () => {
  const before = usages();
  await site.store.close();
  await forgetCounters(site.root);
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.deepEqual([reader.usage('live'), await reader.miscounted()], [undefined, undefined]);
  await reader.close();
  const said: string[] = [];
  site.store = await openStore({ root: site.root, onNotice: (sentence) => said.push(sentence) });
  assert.match(said.join('\n'), /: counted what buckets keep: \d+ versions of names$/);
  assert.deepEqual(usages(), before);
  assert.deepEqual(await faultsAtRest(), []);
});

test('a store that an older version wrote to since is counted anew', async () => {
  const before = usages();
  await site.store.close();
  await changeState(site.root, async (state) => {
    const last = state.get('last') as { sequence: number };
    await state.put('last', { ...last, sequence: last.sequence + 1, records: [] });
    await state.put('usage/live', { objects: 7, bytes: 7 });
  });
  site.store = await openStore({ root: site.root });
  assert.deepEqual(usages(), before);
});

test('an older data.mdb that takes what it lacks from the journal counts that as well', async () => {
  await site.put('live', 'before', 'before');
  const folder = join(site.dir, 'older');
  await mkdir(folder);
  await site.store.copyMetadata(folder);
  for (let i = 0; i < 20; i++) await site.put('live', `since ${i}`, `since ${i}`);
  const before = usages();
  await site.store.close();
  await copyFile(join(folder, 'data.mdb'), join(site.root, 'meta/data.mdb'));
  site.store = await openStore({ root: site.root });
  assert.deepEqual(usages(), before);
  assert.deepEqual(await faultsAtRest(), []);
});

test('verification tells a counter that is wrong', async () => {
  const { objects = 0, bytes = 0 } = usage('live') ?? {};
  await site.store.close();
  await changeState(
    site.root,
    async (state) => void (await state.put('usage/live', { objects: 7, bytes: 7 })),
  );
  site.store = await openStore({ root: site.root });
  assert.deepEqual(await site.store.miscounted(), [
    { bucket: 'live', counted: { objects: 7, bytes: 7 }, found: { objects, bytes } },
  ]);
});

test('a count that was killed goes on where it was, unless something was written since', async () => {
  await site.store.close();
  const format = await StoreFormat.read(site.root, true);
  const open = () => Metadata.writer(site.root, { format, onNotice: () => {} });
  const meta = await open();
  const digest = sha256('many');
  const versions = (from: number): StoreRecord[] =>
    Array.from({ length: 100 }, (_, i) => ({
      bucket: 'many',
      name: `${1e6 + from + i}`,
      version: 1,
    })).flatMap((at) => [
      {
        table: 'refs' as const,
        key: [at.bucket, at.name, 1],
        value: { digest, size: 3, mediaType: 'text/plain', created: 1 },
      },
      nameHold(digest, at, 1),
    ]);
  await meta.make([{ table: 'buckets', key: 'many', value: { kind: 'versioned', created: 1 } }]);
  const count = versionsATime + 1000;
  for (let from = 0; from < count; from += 100) await meta.make(versions(from));
  assert.deepEqual(meta.usageOf('many'), { objects: count, bytes: 3 * count });
  const { sequence } = meta.state;
  await meta.close();
  const progress = (of: number) => ({
    sequence: of,
    next: ['many', `${1e6 + count - 10}`, 1],
    used: [['many', { objects: 1, bytes: 1 }]],
  });
  for (const [of, expected] of [
    [sequence, { objects: 11, bytes: 31 }],
    [sequence - 1, { objects: count, bytes: 3 * count }],
  ] as const) {
    await forgetCounters(site.root);
    await changeState(site.root, async (state) => void (await state.put('counting', progress(of))));
    site.store = await openStore({ root: site.root });
    assert.deepEqual(usage('many'), expected);
    await site.store.close();
    await changeState(site.root, async (state) => assert.equal(state.get('counting'), undefined));
  }
  site.store = await openStore({ root: site.root });
});

test('a rebuild counts, and so does one from a journal that lost its end', async () => {
  const before = usage('live');
  await site.store.close();
  await rebuildStore(site.root);
  site.store = await openStore({ root: site.root });
  assert.deepEqual(usage('live'), before);
  assert.deepEqual(await site.store.miscounted(), []);
  await site.store.close();
  await truncate(join(site.root, 'journal'), 20_000);
  await rebuildStore(site.root);
  site.store = await openStore({ root: site.root });
  assert.deepEqual(await site.store.miscounted(), []);
});

test('a store of format 1 is counted once it is upgraded', async () => {
  const other = await TestStore.open();
  for (const bytes of ['one', 'two', 'one']) await other.put('live', 'page', bytes);
  await other.store.close();
  await makeFormat1(other.root);
  other.store = await openStore({ root: other.root });
  assert.deepEqual(other.store.usage('live'), { objects: 3, bytes: 9 });
  await other.remove();
});
