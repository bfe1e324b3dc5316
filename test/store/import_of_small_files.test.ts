// Many small files that are imported together share the syncs of the disk and the commits; each is recorded
// as if it had come alone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { importDirectory } from '../../src/store/import.ts';
import { everything } from '../../src/store/import_filter.ts';
import { readJournal } from '../../src/store/journal.ts';
import { intoStore, smallBytes } from '../../src/store/store_destination.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';
import { writeTree } from '../support/tree.ts';

const site = await TestStore.open();
after(() => site.remove());
const tree = join(site.dir, 'tree');
const small = Object.fromEntries(
  Array.from({ length: 300 }, (_, i) => [`many/${i}.txt`, `file ${i} of ${i % 7 === 0 ? 'all' : i}`]),
);
const files: Record<string, string> = {
  ...small,
  'empty.txt': '',
  'latin1.txt': '\u00fc',
  'same/one.bin': 'the same',
  'same/other.bin': 'the same',
  'largest small': 'x'.repeat(smallBytes),
  'smallest large': 'x'.repeat(smallBytes + 1),
};

const run = () =>
  intoStore(site.store, 'files', (to) =>
    importDirectory({ to, directory: tree, prefix: '', choice: { ...everything, secrets: false } }),
  );

async function commits(): Promise<number> {
  let count = 0;
  for await (const _ of readJournal(join(site.root, 'journal'), () => assert.fail('a damaged line'))) count++;
  return count;
}

test('300 small files are imported in a few commits, with the types that their bytes have', async (t) => {
  await writeTree(tree, { ...files, 'key.txt': '-----BEGIN PRIVATE KEY-----\n' });
  // The only one that is not in UTF-8.
  await writeTree(tree, { 'latin1.txt': Buffer.from('\u00fc', 'latin1') });
  const before = await commits();
  const { imported, failures, unchanged } = await run();
  const made = (await commits()) - before;
  t.diagnostic?.(`${made} commits for ${imported} files`);
  assert.equal(imported, Object.keys(files).length);
  assert.equal(unchanged, 0);
  assert.deepEqual(
    failures.map(({ reason }) => reason),
    ['holds a private key, and was left out; --publish-secrets takes it'],
  );
  assert.ok(made < imported / 3, `${made} commits`);
  assert.deepEqual(allNames(site.store, 'files'), Object.keys(files).sort());
  for (const [name, text] of Object.entries(files)) {
    const ref = site.store.resolve('files', name);
    assert.ok(ref && !ref.deleted);
    const bytes = name === 'latin1.txt' ? Buffer.from(text, 'latin1') : Buffer.from(text);
    assert.deepEqual([ref.digest, ref.size], [sha256(bytes), bytes.length], name);
    const type = name.endsWith('.txt') ? 'text/plain' : 'application/octet-stream';
    const isText = name.endsWith('.txt') && name !== 'latin1.txt';
    assert.equal(ref.mediaType, isText ? `${type}; charset=utf-8` : type, name);
    await site.store.prove(ref.digest);
    assert.ok((await readFile(site.blobPath(ref.digest))).equals(bytes));
  }
  assert.deepEqual(await site.staged(), []);
});
