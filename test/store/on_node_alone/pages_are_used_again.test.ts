// The metadata of a store whose names are overwritten and collected do not grow: LMDB uses the pages again
// that earlier commits have freed, also in a store that was opened with something in it.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestStore } from '../../support/store.ts';

const overwrites = 300;
/** Bytes: a commit writes some 20 KiB of pages. */
const most = 2 * 1024 * 1024;

const site = await TestStore.open();
after(() => site.remove());
await site.store.setBucket('live', { keep: { versions: 0 } });

async function assertSmallAfterOverwrites(): Promise<void> {
  for (let number = 0; number < overwrites; number++) {
    await site.put('live', 'page', `page ${number}`);
    if (number % 50 === 0) await site.store.collect({ graceMs: 0 });
  }
  const { size } = await stat(join(site.root, 'meta/data.mdb'));
  assert.ok(size < most, `${size} bytes`);
}

test(`${overwrites} overwrites in a new store leave small metadata`, assertSmallAfterOverwrites);

test('so they do in a store that is opened again', async () => {
  await site.reopen();
  await assertSmallAfterOverwrites();
});
