// A bucket that the configuration declares is known to the commands before a server has made it, and is made
// with its kind by every command that makes one, in the store and through a server.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const site = await createSite({ buckets: { pages: 'versioned', news: 'versioned', made: 'versioned' } });
after(() => site.remove());
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const tree = join(site.dir, 'tree');
await writeTree(tree, { a: 'a' });
const kindOf = async (name: string) =>
  new RegExp(`^(\\S+) +${name}(?: |$)`, 'm').exec(await cli('bucket', 'ls'))?.[1];

test('ls of a declared bucket that nobody made yet lists nothing', async () => {
  assert.equal(await cli('ls', 'pages'), '');
  await assert.rejects(cli('ls', 'others'), /others: there is no such bucket/);
});

test('put and import make a declared bucket with its kind', async () => {
  assert.match(await cli('put', join(tree, 'a'), 'pages/a'), /^pages\/a created /);
  assert.match(await cli('import', tree, '--bucket', 'news'), /^1 file imported/);
  for (const name of ['pages', 'news']) assert.equal(await kindOf(name), 'versioned');
});

test('bucket create makes a declared bucket with its kind', async () => {
  await cli('bucket', 'create', 'made');
  assert.equal(await kindOf('made'), 'versioned');
});

test('a --kind that differs from the declaration makes no bucket', async () => {
  const { buckets, ...others } = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...others, buckets: { ...buckets, differs: 'versioned' } }));
  for (const args of [
    ['bucket', 'create', 'differs'],
    ['import', tree, '--bucket', 'differs'],
  ]) {
    const asked = [...args, '--kind', 'write-once', '--config', site.config];
    const { status, stderr } = await outcome(spawnCli(asked));
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^sealgate: --kind write-once: the configuration declares bucket differs as versioned; leave /,
    );
    assert.equal(await kindOf('differs'), undefined);
  }
});

test('a bucket declared after the start of a server is made through it with its kind', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    const { buckets, ...others } = JSON.parse(await readFile(site.config, 'utf8'));
    const later = { imported: 'versioned', named: 'versioned', put: 'versioned', created: 'versioned' };
    await writeFile(site.config, JSON.stringify({ ...others, buckets: { ...buckets, ...later } }));
    const tokenFile = join(site.dir, 'token');
    await writeFile(tokenFile, site.token, { mode: 0o600 });
    const importing = ['import', tree, '--token-file', tokenFile, '--bucket'];
    assert.match(await cli(...importing, 'imported'), /^1 file imported/);
    const through = ['--server', server.url, '--control', server.control ?? ''];
    assert.match(await cli(...importing, 'named', ...through), /^1 file imported/);
    assert.match(await cli('put', join(tree, 'a'), 'put/a', '--token-file', tokenFile), /^put\/a created /);
    await cli('bucket', 'create', 'created');
    for (const name of Object.keys(later)) assert.equal(await kindOf(name), 'versioned', name);
    await assert.rejects(
      cli(...importing, 'imported', '--kind', 'write-once'),
      /declares bucket imported as/,
    );
    assert.match(await cli(...importing, 'undeclared'), /^1 file imported/);
    assert.equal(await kindOf('undeclared'), 'write-once');
  } finally {
    assert.equal(await server.stop(), 0);
  }
  const again = await TestServer.start(site, '--workers', '1');
  assert.equal(await again.stop(), 0);
});
