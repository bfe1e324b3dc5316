// A journal in which most of what it says was removed since is written anew while the store is written to,
// says the same as the metadata, and they can be rebuilt from it as before.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import { recordName } from '../../src/store/records.ts';
import { lengthenJournal, recordsOfJournal } from '../support/long_journal.ts';
import { mountSmallDisk } from '../support/small_disk.ts';
import { allNames, putBytes, sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const MiB = 1024 * 1024;
/** Bytes from which on the journal of a small store is written anew. */
const bound = 8 * MiB;
const site = await TestStore.open();
after(() => site.remove());
const journal = join(site.root, 'journal');
for (const name of ['one', 'two', 'three']) await site.put('files', name, name);

const done = () => site.store.counters()['journal_compactions.done'] ?? 0;

async function assertJournalIsWhole(): Promise<void> {
  const meta = await Metadata.reader(site.root);
  const records = [...meta.records()];
  await meta.close();
  const sorted = (list: typeof records) => list.sort((a, b) => (recordName(a) < recordName(b) ? -1 : 1));
  assert.deepEqual(sorted(await recordsOfJournal(site.root)), sorted(records));
}

test('a journal of more than 8 MiB beside few records is written anew after the opening', async () => {
  await site.store.close();
  await lengthenJournal(site.root, bound);
  site.store = await openStore({ root: site.root });
  await until(done, (times) => times === 1, 'compactions');
  const { size } = await stat(journal);
  assert.ok(size < MiB, `${size} bytes`);
  assert.equal(site.store.counters().journal_bytes, size);
  await site.put('files', 'behind', 'behind');
  await site.store.close();
  await assertJournalIsWhole();
  await truncate(join(site.root, 'meta/data.mdb'), 0);
  await rebuildStore(site.root);
  site.store = await openStore({ root: site.root });
  assert.deepEqual(allNames(site.store, 'files'), ['behind', 'one', 'three', 'two']);
  assert.deepEqual(
    site.store.kept(sha256('one'), { graceMs: 0, limit: 9 }).map(({ kind }) => kind),
    ['name'],
  );
});

test('what is written and collected during a compaction is in the new journal', async () => {
  await site.store.close();
  await lengthenJournal(site.root, bound - (await stat(journal)).size - 60_000);
  site.store = await openStore({ root: site.root });
  await site.store.setBucket('live', { keep: { versions: 0 } });
  const before = site.store.counters().journal_bytes ?? 0;
  assert.ok(before < bound, `${before} bytes`);
  let most = 0;
  for (let round = 0; done() === 0 || round % 20 !== 0; round++) {
    const put = (name: string) => site.put('live', name, `${name} ${round} ${'more '.repeat(20)}`);
    await Promise.all(['a', 'b', 'c', 'd'].map(put));
    if (round % 10 === 9) await site.store.collect({ graceMs: 0 });
    most = Math.max(most, site.store.counters().journal_bytes ?? 0);
    assert.ok(round < 2000, 'no compaction');
  }
  assert.ok(most < bound + 2 * MiB, `${most} bytes`);
  await site.put('live', 'a', 'the last of a');
  await site.store.close();
  await assertJournalIsWhole();
  site.store = await openStore({ root: site.root });
  assert.deepEqual(site.store.counters()['journal_compactions.done'], 0);
  const held = site.store.resolve('live', 'a');
  assert.equal(held && !held.deleted && held.digest, sha256('the last of a'));
});

test('names that are all live do not make the journal too long', async () => {
  for (let round = 0; (site.store.counters().journal_bytes ?? 0) < bound + 2 * MiB; round++) {
    const changes = Array.from({ length: 1000 }, (_, i) => ({
      name: `${'long '.repeat(40)}${round} ${i}`,
      to: { digest: sha256('one') },
    }));
    await site.store.switchNames('live', changes);
  }
  assert.equal(done(), 0);
});

test('a compaction that a killed process had begun is removed at the next opening', async () => {
  await site.store.close();
  await writeFile(`${journal}.new`, 'half of a frame');
  site.store = await openStore({ root: site.root });
  assert.equal(existsSync(`${journal}.new`), false);
});

const mounted = await mountSmallDisk(64);
const disk = typeof mounted === 'string' ? undefined : mounted;
after(() => disk?.remove());

test('on a disk without room for it commits go on in the present one, which is said once', {
  skip: typeof mounted === 'string' && mounted,
}, async () => {
  const root = join(disk?.dir ?? '', 'store');
  let store = await openStore({ root });
  await store.createBucket('live', 'versioned');
  await putBytes(store, 'live', 'name', 'one');
  await store.close();
  await lengthenJournal(root, bound);
  await disk?.leave(30 * MiB);
  const said: string[] = [];
  store = await openStore({ root, onNotice: (notice) => said.push(notice) });
  await until(
    () => store.counters()['journal_compactions.failed'],
    (times) => times === 1,
    'compactions that failed',
  );
  for (const bytes of ['two', 'three']) await putBytes(store, 'live', 'name', bytes);
  assert.equal(said.length, 1, said.join('\n'));
  assert.match(
    said[0] ?? '',
    /journal: it has become long and could not be written anew \(.*\)\. Commits go/,
  );
  assert.ok((store.counters().journal_bytes ?? 0) > bound);
  assert.equal(existsSync(join(root, 'journal.new')), false);
  await store.close();
  await disk?.makeRoom();
  store = await openStore({ root });
  await until(
    () => store.counters()['journal_compactions.done'],
    (times) => times === 1,
    'compactions',
  );
  const held = store.resolve('live', 'name');
  assert.equal(held && !held.deleted && held.digest, sha256('three'));
  await store.close();
});
