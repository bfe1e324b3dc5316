// put and import --expires: into a store, and through a server; what stat, ls and versions tell of it.

import assert from 'node:assert/strict';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite({ buckets: { files: 'write-once', live: 'versioned' } });
after(() => site.remove());
const tree = join(site.dir, 'tree');
const file = join(tree, 'file');
await mkdir(tree);
await writeFile(file, 'bytes');
// A file that changed within the last second may change again without another time: it is imported anew.
const age = async () => Date.now() - (await stat(file)).ctimeMs;
await until(age, (ms) => ms > 2500, 'the age of the file');
const token = join(site.dir, 'token');
await writeFile(token, site.token, { mode: 0o600 });
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const day = 86_400_000;

async function assertEnds(how: string[], ref: string, days: number): Promise<void> {
  const begun = Date.now();
  for (const command of ['stat', 'ls', 'versions']) {
    const { expires } = JSON.parse(await cli(command, ref, '--json', ...how));
    const left = Date.parse(expires) - begun;
    assert.ok(Math.abs(left - days * day) < 600_000, `${command} ${ref}: ${expires}`);
  }
}

async function assertTaken(how: string[], prefix: string): Promise<void> {
  await cli('put', file, `live/${prefix}put`, '--expires', '7d', ...how);
  await assertEnds(how, `live/${prefix}put`, 7);
  const import_ = ['import', tree, '--bucket', 'files', '--prefix', prefix, '--expires', '24h', ...how];
  assert.match(await cli(...import_), /^1 file imported/);
  await assertEnds(how, `files/${prefix}file`, 1);
}

test('put and import --expires into a store: stat, ls and versions tell the end', async () => {
  await assertTaken([], 'here/');
  const again = await cli('import', tree, '--bucket', 'files', '--prefix', 'here/', '--expires', '24h');
  assert.match(again, /^0 files imported/);
});

test('through a server: the same, and after its time the object is 410', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    await assertTaken(['--token-file', token], 'there/');
    await cli('put', file, 'live/short', '--expires', '1s', '--token-file', token);
    await setTimeout(1100);
    const { status } = await server.curl('/o/live/short');
    assert.equal(status, 410);
  } finally {
    await server.stop();
  }
});

for (const command of [
  ['put', file, 'live/a'],
  ['import', tree],
])
  for (const given of ['7', '0s', '1w'])
    test(`${command[0]} --expires ${given} is refused`, async () => {
      const { status, stderr } = await outcome(
        spawnCli([...command, '--expires', given, '--config', site.config]),
      );
      assert.equal(status, 2);
      assert.match(stderr, /--expires: expected a time as 90s, 30m, 12h or 7d, up to 100 years, got '/);
    });
