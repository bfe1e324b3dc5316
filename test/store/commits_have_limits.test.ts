// A commit has at most so many changes and so many bytes, and what its files grow by stays within what is
// reserved for it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { StoreFormat } from '../../src/store/format.ts';
import { type Frame, readJournal } from '../../src/store/journal.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import {
  maxBatch,
  maxBatchBytes,
  maxTogetherBytes,
  recordBytes,
  type StoreRecord,
} from '../../src/store/records.ts';
import { growthOf } from '../../src/store/transaction.ts';
import { sha256, TestStore } from '../support/store.ts';

const KiB = 1024;
const site = await TestStore.open();
await site.store.close();
const journal = join(site.root, 'journal');

async function open(): Promise<Metadata> {
  return Metadata.writer(site.root, { format: await StoreFormat.read(site.root, true), onNotice: () => {} });
}
let meta = await open();
after(async () => {
  await meta.close();
  await site.remove();
});

async function frames(): Promise<Frame[]> {
  const found: Frame[] = [];
  for await (const frame of readJournal(journal, () => assert.fail('a line is damaged'))) found.push(frame);
  return found;
}

let written = 0;
function record(bytes: number): StoreRecord {
  return { table: 'refs', key: ['live', `${written++}`, 1], value: { text: 'x'.repeat(bytes) } };
}

test('changes that wait together are divided into commits of at most 1 MiB', async () => {
  const before = (await frames()).length;
  const changes = Array.from({ length: 40 }, () => record(100 * KiB));
  assert.deepEqual(
    await Promise.all(changes.map((change) => meta.make([change]))),
    changes.map(() => true),
  );
  const made = (await frames()).slice(before);
  for (const { records } of made) assert.ok(recordBytes(records) <= maxBatchBytes);
  // Ten fit into one commit.
  assert.equal(made.length, 4);
});

test('a change that no commit takes is refused with its size, and those beside it are made', async () => {
  const [one, large, other] = [record(10), record(maxTogetherBytes), record(10)];
  const made = await Promise.allSettled([one, large, other].map((each) => meta.make([each])));
  assert.deepEqual(
    made.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.ok(made[1]?.status === 'rejected');
  assert.equal(made[1].reason.code, 'record-too-large');
  assert.match(made[1].reason.message, /has 41943\d\d bytes; a commit takes 4194304\./);
  assert.equal(meta.has('refs', large?.key ?? ''), false);
});

test('as many changes of the longest names as a commit may have fit into it', () => {
  const longest = {
    table: 'holds',
    key: ['f'.repeat(64), 'name', 'b'.repeat(63), '"'.repeat(1024), 1e15],
    value: { since: 1e13 },
  } as const satisfies Omit<StoreRecord, 'key'> & { key: readonly (string | number)[] };
  const records = Array<StoreRecord>(maxBatch).fill({ ...longest, key: [...longest.key] });
  assert.ok(recordBytes(records) < maxBatchBytes, `${recordBytes(records)}`);
});

/** Anywhere in the tree, so that each has a page of its own. */
const scattered = (value: unknown): StoreRecord => ({
  table: 'holds',
  key: [sha256(randomBytes(16)), 'name', 'files', 'n'.repeat(1024), 1],
  value,
});
const commits: [string, () => StoreRecord[]][] = [
  ['256 long keys', () => Array.from({ length: maxBatch }, () => scattered({ since: 1 }))],
  ['256 values of 2.5 KiB', () => Array.from({ length: maxBatch }, () => scattered('v'.repeat(2500)))],
  ['one value of almost 1 MiB', () => [scattered('v'.repeat(maxBatchBytes - 2 * KiB))]],
];
for (const [what, records] of commits) {
  test(`commits of ${what} grow metadata and journal by less than is reserved`, async () => {
    const files = () => [statSync(join(site.root, 'meta/data.mdb')), statSync(journal)] as const;
    for (let commit = 0; commit < 20; commit++) {
      const [changes, [data, frames]] = [records(), files()];
      assert.ok(await meta.make(changes));
      const [dataNow, framesNow] = files();
      const grown = dataNow.size - data.size;
      assert.ok(grown <= growthOf(changes.length, recordBytes(changes)), `metadata: ${grown} bytes`);
      // A compaction puts another file in its place, which has what was committed meanwhile twice.
      if (framesNow.ino !== frames.ino) continue;
      const frame = framesNow.size - frames.size;
      assert.ok(frame <= recordBytes(changes) + KiB, `journal: ${frame} bytes`);
    }
  });
}

test('metadata with large values are made again from the journal', async () => {
  const all = () => [...meta.records()].map((each) => sha256(JSON.stringify(each)));
  const before = all();
  await meta.close();
  await rebuildStore(site.root);
  meta = await open();
  assert.deepEqual(all(), before);
});
