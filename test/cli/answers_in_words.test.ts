// What commands say of what they did: one thing is no plural, what is over expires no more, what was taken
// away is named, and half a byte is none.

import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite({ buckets: { live: 'versioned' } });
after(() => site.remove());
const cli = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
const tree = join(site.dir, 'tree');
await mkdir(tree);
await writeFile(join(tree, 'a.txt'), 'text of a');

test('one imported file is one file, and get -o - writes it to standard output', async () => {
  assert.match((await cli('import', tree, '--bucket', 'live')).stdout, /^1 file imported, 9 B /);
  assert.match((await cli('import', tree, '--bucket', 'live')).stdout, /\n1 file was there already\n$/);
  assert.equal((await cli('get', 'live/a.txt', '-o', '-')).stdout, 'text of a');
  await assert.rejects(readFile('-'), /ENOENT/);
});

test('half a byte is no quota, and a quota or a time to live that is taken away is said to be', async () => {
  const { status, stderr } = await cli('bucket', 'set', 'live', '--quota-bytes', '1.5');
  assert.deepEqual([status, /--quota-bytes: expected bytes/.test(stderr)], [2, true], stderr);
  const { stdout } = await cli('bucket', 'set', 'live', '--ttl', 'none', '--quota-bytes', 'none');
  assert.match(stdout, /^live keeps all older versions; objects do not expire; may keep any amount\n$/);
});

test('a version whose time is over has expired', async () => {
  await cli('bucket', 'set', 'live', '--ttl', '1h', '--yes');
  assert.match((await cli('versions', 'live/a.txt')).stdout, / newest, expires \d{4}-/);
  await cli('bucket', 'set', 'live', '--ttl', '1s', '--yes');
  // The object may be younger than a second.
  await until(
    async () => (await cli('versions', 'live/a.txt')).stdout,
    (shown) => / newest, expired \d{4}-/.test(shown),
    'its end',
  );
});
