// sealgate apt publish while the folder for temporary files is full: it is not the store that has no room.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { makePackage } from '../../support/apt_repository.ts';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { createSite } from '../../support/server.ts';
import { mountSmallDisk } from '../../support/small_disk.ts';

const mounted = await mountSmallDisk(8);
const skip = typeof mounted === 'string' && mounted;
const disk = typeof mounted === 'string' ? undefined : mounted;
const site = await createSite({ buckets: { packages: 'versioned' } });
after(async () => {
  await disk?.remove();
  await site.remove();
});

test('no room for temporary files: the error names one of them, and not the store', async (t) => {
  if (skip) return t.skip(skip);
  const dir = disk?.dir ?? '';
  const config = ['--config', site.config];
  const file = await makePackage(site.dir, 'hello', '1.0');
  await runCli('put', file, 'packages/debian/pool/main/hello.deb', ...config);
  const args = ['apt', 'publish', 'packages/debian', '--suite', 'stable', ...config];
  const publish = () => outcome(spawnCli(args, { env: { ...process.env, TMPDIR: dir } }));
  // dpkg-deb wants room, too, for a package that was not read before.
  assert.equal((await publish()).status, 0);
  await disk?.leave(0);
  const { status, stderr } = await publish();
  assert.equal(status, 1, stderr);
  assert.match(stderr, /no space left on the disk/);
  assert.ok(stderr.includes(`${dir}/sealgate-apt-`), stderr);
  await disk?.makeRoom();
  assert.equal((await publish()).status, 0);
});
