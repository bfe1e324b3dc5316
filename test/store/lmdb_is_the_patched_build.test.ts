// The package's own binary corrupts the heap when a write fails (native/lmdb/failed_writes.patch): it must
// not be the one that a runtime picks.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { open } from 'lmdb';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());

test('an open store runs the lmdb that was built from patched sources', async () => {
  const mapped = await readFile('/proc/self/maps', 'utf8');
  const loaded = new Set(mapped.split('\n').map((line) => line.split(' ').at(-1) ?? ''));
  const found = [...loaded].filter((path) => /lmdb[^/]*\/.*\.node$/.test(path));
  assert.equal(found.length, 1, found.join(' '));
  assert.match(found[0] ?? '', /node_modules\/lmdb\/build\/Release\/lmdb\.node$/);
});

test('an environment that cannot be opened is an error, and the process lives', async () => {
  const path = join(site.dir, 'environment');
  await mkdir(join(path, 'lock.mdb'), { recursive: true });
  for (let time = 0; time < 10; time++)
    assert.throws(() => open({ path, noSubdir: false, overlappingSync: false }), /Is a directory/);
});
