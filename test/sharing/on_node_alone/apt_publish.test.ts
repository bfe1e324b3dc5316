// sealgate apt publish into a bucket that several servers share, on a real Ceph.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { AptArchive, makePackage } from '../../support/apt_repository.ts';
import { Ceph } from '../../support/ceph.ts';
import { runCli } from '../../support/runtime.ts';
import { SharingNode } from '../../support/sharing.ts';
import { until } from '../../support/wait.ts';

const ceph = await Ceph.start();
const [one, two] = [await SharingNode.start(ceph.url()), await SharingNode.start(ceph.url())];
const archive = await AptArchive.create(one.site.dir);
after(async () => {
  await Promise.all([one.end(), two.end(), archive.close()]);
  await ceph.end();
});

const token = join(one.site.dir, 'token');
await writeFile(token, one.site.token, { mode: 0o600 });
const place = ['--config', one.site.config, '--token-file', token];
const dists = 'debian/dists/stable';

async function publish(version: string): Promise<void> {
  const file = await makePackage(one.site.dir, 'hello', version);
  await runCli('put', file, `web/debian/pool/main/${basename(file)}`, ...place);
  const signing = ['--sign-with', 'test', '--gpg-home', archive.home];
  await runCli('apt', 'publish', 'web/debian', '--suite', 'stable', ...signing, ...place);
}

/** What the other server has once it is so: for a moment it takes what it knows for fresh. */
function seen(name: string, expected: RegExp): Promise<string> {
  return until(
    () => two.get(`/o/web/${dists}/${name}`),
    (text) => expected.test(text),
    name,
  );
}

async function listed(): Promise<string[]> {
  const { entries } = JSON.parse(await one.get(`/o/web/?prefix=${dists}/`));
  return entries.map(({ name }: { name: string }) => name.slice(dists.length + 1)).sort();
}

test('a suite in a shared bucket is published again: each server has it, and no name is left', async () => {
  const made: string[] = [];
  for (const version of ['1.0', '2.0', '3.0']) {
    await publish(version);
    const index = await seen('main/binary-amd64/Packages', new RegExp(`^Version: ${version}$`, 'm'));
    const digest = createHash('sha256').update(index).digest('hex');
    made.push(`main/binary-amd64/by-hash/SHA256/${digest}`);
    for (const name of ['Release', 'InRelease']) await seen(name, new RegExp(digest));
  }
  const names = await listed();
  const plain = names.filter((name) => !name.includes('/by-hash/'));
  const indexes = ['main/binary-amd64/Packages', 'main/binary-amd64/Packages.gz'];
  assert.deepEqual(plain, ['InRelease', 'Release', 'Release.gpg', ...indexes]);
  // The indexes of the one before stay by their digests.
  assert.deepEqual(
    made.map((name) => names.includes(name)),
    [false, true, true],
  );
});
