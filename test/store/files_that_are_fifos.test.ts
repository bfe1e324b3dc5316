// A FIFO in the place of a file of the store, or of one that is imported, is refused at once: reading it
// would wait for a writer without end.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openRegular, streamRegular } from '../../src/regular_file.ts';
import { openStore } from '../../src/store/content_store.ts';
import { secretIn } from '../../src/store/secrets.ts';
import { textType } from '../../src/store/text_type.ts';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const fifo = join(site.dir, 'fifo');
execFileSync('mkfifo', [fifo]);
/** Milliseconds for a command: one that waits for a FIFO would keep the test waiting. */
const timeout = 10_000;

for (const file of ['format', 'journal', 'blobs/id', 'meta/data.mdb', 'lock']) {
  test(`${file} of a store`, { timeout }, async () => {
    await site.store.close();
    const path = join(site.root, file);
    await rename(path, `${path}.away`);
    execFileSync('mkfifo', [path]);
    await assert.rejects(openStore({ root: site.root }));
    await rm(path);
    await rename(`${path}.away`, path);
    site.store = await openStore({ root: site.root });
  });
}

test('a FIFO in a tree that is imported: refused, not read', { timeout }, async () => {
  assert.throws(() => secretIn('fifo', fifo), { code: 'EINVAL', message: /is no ordinary file/ });
  assert.equal(await textType('text/plain', fifo, 5), 'text/plain');
  await assert.rejects(openRegular(fifo), /is no ordinary file/);
  assert.throws(() => streamRegular(fifo), /is no ordinary file/);
});
