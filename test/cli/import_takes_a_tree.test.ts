// import stores every regular file of a tree under its path; links and special files are left out and
// counted.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { bucketDigests, digestsOf, writeTree } from '../support/tree.ts';

const site = await createSite();
after(() => site.remove());
const store = join(site.dir, 'store');
const cli = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));

const files = {
  'index.html': '<!doctype html>',
  empty: '',
  'a/b/c/d/deep.txt': 'deep',
  'a/.hidden': 'hidden',
  'with space & %41 "quotes".txt': 'odd',
  'ünïcode/日本/😀.bin': Buffer.from([0, 255, 128]),
  'decomposed/a\u0308': 'two code points',
  'composed/ä': 'one code point',
  'large.bin': Buffer.alloc(5 * 1024 * 1024 + 1, 'large '),
  'twin 1': 'the same bytes',
  'twin 2': 'the same bytes',
};

test('nested folders, empty files, unusual names and identical files are imported', async () => {
  await writeTree(join(site.dir, 'tree'), files);
  const { status, stdout, stderr } = await cli('import', join(site.dir, 'tree'), '--hidden');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^11 files imported, 5\.0 MiB in [\d.]+ s \([^)]+\/s\)\n$/);
  assert.deepEqual(await bucketDigests(store, 'files'), digestsOf(files));
});

test('--prefix, and --kind for a new bucket, are applied', async () => {
  const small = { a: 'a', 'b/c': 'c' };
  await writeTree(join(site.dir, 'small'), small);
  const options = ['--bucket', 'releases', '--kind', 'versioned', '--prefix', 'v1/'];
  assert.equal((await cli('import', join(site.dir, 'small'), ...options)).status, 0);
  assert.deepEqual(await bucketDigests(store, 'releases'), digestsOf(small, 'v1/'));
  assert.match(
    await runCli('bucket', 'list', '--config', site.config),
    /^versioned +releases {2}2 objects, 2 B$/m,
  );
});

test('links and special files are left out, and counted', async () => {
  const tree = join(site.dir, 'special');
  await writeTree(tree, { 'folder/real': 'real' });
  await symlink('folder/real', join(tree, 'link to a file'));
  await symlink('folder', join(tree, 'link to a folder'));
  await symlink('nowhere', join(tree, 'link to nothing'));
  await symlink('..', join(tree, 'folder', 'link to what is above'));
  execFileSync('mkfifo', [join(tree, 'pipe')]);
  const { status, stdout } = await cli('import', tree, '--bucket', 'special');
  assert.equal(status, 0);
  assert.match(stdout, /^1 file imported[^\n]*\n4 symbolic links were left out; [^\n]*\n1 pipes, [^\n]*\n$/);
  assert.deepEqual(Object.keys(await bucketDigests(store, 'special')), ['folder/real']);
});

test('an empty folder: 0 files, status 0', async () => {
  await writeTree(join(site.dir, 'nothing'), {});
  const { status, stdout } = await cli('import', join(site.dir, 'nothing'), '--bucket', 'nothing');
  assert.equal(status, 0);
  assert.match(stdout, /^0 files imported/);
});

const refusals: [string, string[], RegExp, number?][] = [
  ['a folder that is not there', ['/nonexistent'], /^sealgate: \/nonexistent: does not exist\n$/],
  ['a file', ['package.json'], /^sealgate: package\.json: expected a directory; 'sealgate put' stores/],
  [
    'a bucket that nothing can be called',
    ['.', '-b', 'Upper'],
    /^sealgate: --bucket Upper: A bucket name has /,
    2,
  ],
  [
    'a prefix that no name begins with',
    ['.', '-p', '/'],
    /^sealgate: --prefix \/: An object name has no empty/,
    2,
  ],
  [
    'an unknown kind',
    ['.', '--kind', 'new'],
    /^sealgate: --kind: expected write-once or versioned, got new\n/,
    2,
  ],
  [
    'another kind than the bucket is declared with',
    ['.', '--kind', 'versioned'],
    /^sealgate: --kind versioned: the configuration declares bucket files as write-once; leave/,
    2,
  ],
  [
    'another kind than the bucket has',
    ['.', '-b', 'releases', '--kind', 'write-once'],
    /^sealgate: Bucket releases is versioned, asked/,
  ],
];
for (const [what, args, expected, code = 1] of refusals) {
  test(`${what} is refused before anything is changed`, async () => {
    const before = await runCli('bucket', 'list', '--config', site.config);
    const { status, stdout, stderr } = await cli('import', ...args);
    assert.deepEqual([status, stdout], [code, '']);
    assert.match(stderr, expected);
    assert.equal(await runCli('bucket', 'list', '--config', site.config), before);
  });
}
