// A process that has offered its store to another one, and still answers: what it reads is as new as what the
// other one has committed, also within one turn of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { root, runtimeArguments } from '../support/runtime.ts';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());

test('a bucket that the other process has made is there after refresh()', async () => {
  const program = join(site.dir, 'other.mjs');
  await writeFile(
    program,
    `import { addon } from ${JSON.stringify(`${root}src/native/addon.ts`)};
    import { openStore } from ${JSON.stringify(`${root}src/store/content_store.ts`)};
    const inherited = { locks: [addon.fileOf(3), addon.fileOf(4)], staging: [] };
    const store = await openStore({ root: ${JSON.stringify(site.root)}, inherited });
    await store.createBucket('other', 'versioned');
    await store.close();`,
  );
  const { store } = site;
  const { locks } = await store.succession.offer();
  const descriptors = locks.map(addon.takeFile);
  assert.equal(store.bucket('other'), undefined);
  const { status } = spawnSync(process.execPath, [...runtimeArguments(), program], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit', ...descriptors],
  });
  assert.equal(status, 0);
  store.succession.refresh();
  assert.equal(store.bucket('other')?.kind, 'versioned');
  await store.succession.goOn();
  await store.createBucket('third', 'versioned');
});
