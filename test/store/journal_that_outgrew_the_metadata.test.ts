// A journal in which most of what it says was removed since is written anew when the store is opened, and the
// metadata can be rebuilt from it as before.

import assert from 'node:assert/strict';
import { appendFile, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { type Frame, frameLine, parseFrame } from '../../src/store/journal.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import type { StoreRecord } from '../../src/store/records.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';

const MiB = 1024 * 1024;
const site = await TestStore.open();
after(() => site.remove());
const journal = join(site.root, 'journal');
for (const name of ['one', 'two', 'three']) await site.put('files', name, name);

/** Frames of which the last one counts, as it has the number of those before it. */
async function outgrow(bytes: number): Promise<void> {
  const lines = (await readFile(journal, 'utf8')).split('\n');
  const last = lines.flatMap((line) => parseFrame(line) ?? []).at(-1) as Frame;
  const records: StoreRecord[] = Array.from({ length: 200 }, (_, i) => ({
    table: 'holds',
    key: [sha256(`${i}`), 'name', 'gone', 'n'.repeat(1000), 1],
    value: { since: 1 },
  }));
  const line = frameLine({ ...last, records });
  for (let written = 0; written < bytes; written += line.length) await appendFile(journal, line);
  await appendFile(journal, frameLine(last));
}

test('a journal of more than 64 MiB beside small metadata is written anew, and says the same', async () => {
  await site.store.close();
  await outgrow(65 * MiB);
  await (await openStore({ root: site.root })).close();
  const { size } = await stat(journal);
  assert.ok(size < MiB, `${size} bytes`);
  site.store = await openStore({ root: site.root });
  await site.put('files', 'behind', 'behind');
  await site.store.close();
  await truncate(join(site.root, 'meta/data.mdb'), 0);
  await rebuildStore(site.root);
  site.store = await openStore({ root: site.root });
  assert.deepEqual(allNames(site.store, 'files'), ['behind', 'one', 'three', 'two']);
  assert.deepEqual(
    site.store.kept(sha256('one'), { graceMs: 0, limit: 9 }).map(({ kind }) => kind),
    ['name'],
  );
});
