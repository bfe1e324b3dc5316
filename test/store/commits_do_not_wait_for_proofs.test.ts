// Files that have to be hashed as a whole, after a backup was restored for instance, hold up each other and
// nothing else: an upload is committed meanwhile.

import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';

// In memory: on a busy disk the sync of the blob takes as long as all the hashing.
const dir = await mkdtemp('/dev/shm/sealgate-lanes-');
after(() => rm(dir, { recursive: true }));

/** Holes: they cost no disk, and a hash of them costs the same as of data. */
const fileBytes = 32 * 1024 * 1024;
const files = 32;

test('a blob is placed while 32 files wait to be hashed', async () => {
  const paths = Array.from({ length: files }, (_, i) => join(dir, `large-${i}`));
  for (const path of paths) {
    const file = await open(path, 'w', 0o444);
    await file.truncate(fileBytes);
    await file.close();
  }
  await writeFile(join(dir, 'staging'), 'small', { mode: 0o444 });
  let hashed = 0;
  const proofs = paths.map((path) => addon.hashFile(path).then(() => hashed++));
  const placed = await addon.placeBlob(join(dir, 'staging'), join(dir, 'blob'));
  assert.deepEqual([placed.created, placed.size], [true, 5]);
  assert.ok(hashed < (files * 3) / 4, `${hashed} of ${files} files were hashed first`);
  await Promise.all(proofs);
  assert.equal(hashed, files);
});
