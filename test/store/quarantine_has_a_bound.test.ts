// What the quarantine keeps when there is too much: files that are all that is left of a blob stay, whatever
// they take; the oldest of the others leave.

import assert from 'node:assert/strict';
import { stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { boundQuarantine, quarantineOf } from '../../src/store/quarantine.ts';
import { sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const site = await TestStore.open();
after(() => site.remove());
const isStored = (digest: string) => site.store.blob(digest) !== undefined;

async function withdraw(bytes: string): Promise<string> {
  await site.put('files', bytes, bytes);
  await site.store.quarantine(sha256(bytes), 'content');
  await tick();
  return sha256(bytes);
}

/** Until what the file system writes next has a later time. */
async function tick(): Promise<void> {
  const probe = join(site.dir, 'probe');
  const written = async () => {
    await writeFile(probe, 'now');
    return (await stat(probe)).ctimeMs;
  };
  const before = await written();
  await until(written, (now) => now > before, 'a later time');
}

test('files of blobs that are stored again leave, the oldest first, until the rest fits', async () => {
  const lost = await withdraw('lost');
  for (const bytes of ['healed 1', 'healed 2', 'healed 3']) {
    await withdraw(bytes);
    await site.put('files', bytes, bytes);
  }
  await writeFile(join(site.root, 'quarantine', `sentinel-canary-${lost}`), 'received');
  assert.deepEqual(await quarantineOf(site.root), { files: 5, bytes: 4 + 3 * 8 + 8 });
  assert.deepEqual((await boundQuarantine(site.root, 36, isStored)).removed, []);

  const some = await boundQuarantine(site.root, 21, isStored);
  assert.deepEqual([some.files, some.bytes], [3, 20]);
  assert.deepEqual(
    some.removed.map((name) => name.split('.')[0]),
    ['healed 1', 'healed 2'].map((bytes) => sha256(bytes)),
  );

  const all = await boundQuarantine(site.root, 0, isStored);
  assert.deepEqual([all.files, all.bytes, all.removed.length], [1, 4, 2]);
  assert.deepEqual(
    (await site.quarantined()).map((name) => name.split('.')[0]),
    [lost],
  );
});

test('foreign files stay in the quarantine, and a quarantine that does not exist is empty', async () => {
  const note = join(site.root, 'quarantine', 'what-happened.txt');
  await writeFile(note, 'a note');
  await utimes(note, 1, 1);
  assert.deepEqual((await boundQuarantine(site.root, 0, isStored)).removed, []);
  assert.deepEqual(await quarantineOf(join(site.dir, 'nowhere')), { files: 0, bytes: 0 });
});
