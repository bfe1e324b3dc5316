// export and backup onto a disk without room: they end with an error that names what could not be written,
// and do it once there is room.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { mountSmallDisk } from '../support/small_disk.ts';

const mounted = await mountSmallDisk(8);
const skip = typeof mounted === 'string' && mounted;
const disk = typeof mounted === 'string' ? undefined : mounted;
const site = await createSite();
after(async () => {
  await disk?.remove();
  await site.remove();
});
const run = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
const tree = join(site.dir, 'tree');
await mkdir(tree);
for (let i = 0; i < 8; i++) await writeFile(join(tree, `file ${i}`), `bytes ${i} `.repeat(20_000));

test('an export without room names its files that could not be written, and is done with room', async (t) => {
  if (skip) return t.skip(skip);
  assert.equal((await run('import', tree)).status, 0);
  const to = join(disk?.dir ?? '', 'export');
  await mkdir(join(to, '.sealgate-export'), { recursive: true });
  for (const room of [0, 500_000]) {
    await disk?.leave(room);
    const { status, stderr } = await run('export', 'files', to);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^sealgate: .*no space left on the disk$/m);
    assert.doesNotMatch(stderr, /Unhandled|internal fault|^\s+at /m);
    assert.ok(stderr.includes(to), stderr);
    await disk?.makeRoom();
  }
  const { status, stdout } = await run('export', 'files', to);
  assert.deepEqual([status, /^8 names exported/.test(stdout)], [0, true]);
});

test('a backup without room names its own file, and is done once there is', async (t) => {
  if (skip) return t.skip(skip);
  const to = join(disk?.dir ?? '', 'backup');
  await disk?.leave(0);
  const { status, stderr } = await run('backup', to);
  assert.equal(status, 1, stderr);
  assert.match(stderr, /^sealgate: .*no space left on the disk\n$/);
  assert.ok(stderr.includes(`${to}/`), stderr);
  await disk?.makeRoom();
  assert.equal((await run('backup', to)).status, 0);
});
