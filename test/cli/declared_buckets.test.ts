// A bucket that the configuration declares is known to the commands before a server has made it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const site = await createSite({ buckets: { pages: 'versioned', news: 'versioned' } });
after(() => site.remove());
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
await writeTree(join(site.dir, 'tree'), { a: 'a' });

test('ls of a declared bucket that nobody made yet lists nothing', async () => {
  assert.equal(await cli('ls', 'pages'), '');
  await assert.rejects(cli('ls', 'others'), /others: there is no such bucket/);
});

test('put and import make a declared bucket with its kind', async () => {
  assert.match(await cli('put', join(site.dir, 'tree', 'a'), 'pages/a'), /^pages\/a created /);
  assert.match(await cli('import', join(site.dir, 'tree'), '--bucket', 'news'), /^1 files imported/);
  const buckets = await cli('bucket', 'ls');
  for (const name of ['pages', 'news']) assert.match(buckets, new RegExp(`^versioned +${name}$`, 'm'));
});
