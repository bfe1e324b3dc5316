// versions lists what a name was, restore makes one of that the newest: in the store and through a server.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { sha256 } from '../support/store.ts';

const site = await createSite({ buckets: { live: 'versioned' } });
after(() => site.remove());
const token = join(site.dir, 'token');
await writeFile(token, site.token, { mode: 0o600 });
const cli = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));

async function linesOf(...args: string[]): Promise<string[]> {
  const { status, stdout, stderr } = await cli(...args);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

for (const bytes of ['one', 'two']) {
  await writeFile(join(site.dir, bytes), bytes);
  await linesOf('put', join(site.dir, bytes), 'live/a', '--meta', `is=${bytes}`);
}
await linesOf('rm', 'live/a');

async function assertRestores(how: string[], first: number): Promise<void> {
  const shown = await linesOf('versions', 'live/a', ...how);
  assert.deepEqual(
    [shown.length, shown.filter((line) => line.includes('  newest'))],
    [first, shown.slice(-1)],
  );
  assert.match(shown[0] ?? '', /^ +3 B {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}[0-9a-f]{12} {2}a {2}version 1$/);
  assert.match(shown[2] ?? '', /^ +deleted {2}.{19} {16}a {2}version 3/);
  const restored = await linesOf('restore', 'live/a', '--to', '1', ...how);
  assert.deepEqual(restored, [`live/a replaced sha256:${sha256('one')}`]);
  const listed = await linesOf('ls', 'live', '--versions', '--json', ...how);
  const newest = JSON.parse(listed.at(-1) ?? '');
  assert.deepEqual(
    [listed.length, newest.version, newest.newest, newest.digest, newest.meta],
    [first + 1, first + 1, true, sha256('one'), { is: 'one' }],
  );
  await linesOf('rm', 'live/a', ...how);
  for (const [args, said] of [
    [['restore', 'live/a', '--to', '3'], /deletion/],
    [['restore', 'live/a', '--to', '99'], /o version 99/],
    [['versions', 'live/nothing'], /nothing under this name/],
  ] as const) {
    const { status, stderr } = await cli(...args, ...how);
    assert.deepEqual([status, stderr.split('\n').length], [1, 2], stderr);
    assert.match(stderr, said);
  }
}

test('in the store: a deleted name is restored, with its fields', () => assertRestores([], 3));

test('through a server: a deleted name is restored, with its fields', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    await assertRestores(['--server', server.url, '--cacert', site.certificate, '--token-file', token], 5);
  } finally {
    await server.stop();
  }
});

test('restore without a version, or with one that is none, is refused with status 2', async () => {
  for (const args of [[], ['--to', '0'], ['--to', '1.5'], ['--to', 'x']])
    assert.equal((await cli('restore', 'live/a', ...args)).status, 2);
  assert.equal((await cli('ls', 'live', '--versions', '--delimiter', '/')).status, 2);
});
