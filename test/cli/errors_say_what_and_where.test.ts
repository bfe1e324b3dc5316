// A command that fails ends with status 1 and one line: the object, the reason and, if there is one, the
// remedy.

import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sentenceOf } from '../../src/cli/say.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';

const site = await createSite();
after(() => site.remove());
const folder = join(site.dir, 'folder');
await mkdir(folder);
await writeFile(join(site.dir, 'one'), 'one');
await writeFile(join(site.dir, 'two'), 'two');
await runCli('put', join(site.dir, 'one'), 'files/taken', '--config', site.config);
const [one, two] = [join(site.dir, 'one'), join(site.dir, 'two')];
const unknownBlob = sha256('nobody stored this');

/**
 * Arguments that are refused before any work, with status 2 and a pointer to --help; all others end with 1.
 */
const ofArguments = new Set([
  'get of half a reference',
  'get of half a digest',
  'ls with no number',
  'put of a folder',
  'put under a digest',
  'put under no name',
  'a bucket that nothing can be called',
  'a bucket of an unknown kind',
  'a scope of no bucket',
  'a token for no time',
  'a token for ever so long',
]);
const faults: [string, string[], string][] = [
  ['get of a name that is not there', ['get', 'files/none'], 'files/none: there is nothing under this name'],
  [
    'get of a bucket that is not there',
    ['get', 'nobody/a'],
    "nobody: there is no such bucket; 'sealgate bucket",
  ],
  [
    'get of a digest that is not there',
    ['get', `sha256:${unknownBlob}`],
    `sha256:${unknownBlob}: there is no such blob`,
  ],
  ['get of half a reference', ['get', 'files'], 'files: expected BUCKET/NAME or sha256:HEX'],
  ['get of half a digest', ['get', 'sha256:12'], 'sha256:12: after sha256: go 64 lower-case hex digits'],
  ['get into a folder', ['get', 'files/taken', '-o', folder], `${folder}: cannot be written: is a directory`],
  [
    'get to nowhere',
    ['get', 'files/taken', '-o', '/nonexistent/x'],
    '/nonexistent/x: cannot be written: does not exist',
  ],
  ['ls of a bucket that is not there', ['ls', 'nobody'], 'nobody: there is no such bucket; '],
  [
    'ls with no number',
    ['ls', 'files', '--limit', 'x'],
    "--limit: expected a whole number of 1 or more, got 'x'",
  ],
  ['put of a file that is not there', ['put', '/nonexistent', 'files/a'], '/nonexistent: does not exist'],
  ['put of a folder', ['put', folder, 'files/a'], `${folder}: is no regular file; `],
  ['put into a bucket that is not there', ['put', one, 'nobody/a'], 'nobody: there is no such bucket; '],
  [
    'put of other bytes',
    ['put', two, 'files/taken'],
    'files/taken: The name holds other bytes, and its bucket',
  ],
  [
    'put under a digest',
    ['put', one, `sha256:${unknownBlob}`],
    `sha256:${unknownBlob}: a name is needed, BUCKET/NAME`,
  ],
  ['put under no name', ['put', one, 'files/a//b'], 'files/a//b: An object name has no empty segment'],
  ['a bucket that nothing can be called', ['bucket', 'create', 'Upper'], 'Upper: A bucket name has 1 to 63'],
  [
    'a bucket of an unknown kind',
    ['bucket', 'create', 'a', '--kind', 'x'],
    '--kind: expected write-once or versioned, got x',
  ],
  ['a scope of no bucket', ['token', 'add', 'all'], 'all: expected read:BUCKET or write:BUCKET'],
  ['a token for no time', ['token', 'add', 'read:*', '--days', '-1'], '--days: expected a number above 0'],
  [
    'a token for ever so long',
    ['token', 'add', 'read:*', '--days', '1e12'],
    '--days: expected a number above 0, at most',
  ],
  [
    'a token that is not there',
    ['token', 'rm', 'zz'],
    "zz: there is no token of this id; 'sealgate token ls'",
  ],
  [
    'a store that is not there',
    ['ls', 'files', '--store', '/nonexistent'],
    '/nonexistent: there is no store here; ',
  ],
];

for (const [what, args, expected] of faults) {
  test(what, async () => {
    const { status, stdout, stderr } = await outcome(spawnCli([...args, '--config', site.config]));
    const usage = ofArguments.has(what);
    assert.deepEqual([status, stdout], [usage ? 2 : 1, ''], stderr);
    assert.ok(stderr.startsWith(`sealgate: ${expected}`), stderr);
    assert.equal(stderr.trimEnd().split('\n').length, usage ? 2 : 1, stderr);
  });
}

test('refused commands leave nothing in the store', async () => {
  assert.deepEqual(await readdir(join(site.dir, 'store/staging')), []);
  assert.deepEqual(await readdir(folder), []);
  assert.match(await runCli('ls', 'files', '--config', site.config), /^[^\n]* taken\n$/);
});

test('get of a blob whose file is missing names the file and the remedy', async () => {
  const digest = sha256('one');
  await rm(blobPath(join(site.dir, 'store'), digest));
  const { status, stderr } = await outcome(spawnCli(['get', 'files/taken', '--config', site.config]));
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^sealgate: files\/taken: its file cannot be read \(ENOENT\): \/[^\n]*; store the same bytes again\n$/,
  );
});

test('--debug adds the stack trace of an error', async () => {
  const { stderr } = await outcome(spawnCli(['get', 'files', '--config', site.config, '--debug']));
  assert.match(
    stderr,
    /^sealgate: files: expected BUCKET\/NAME or sha256:HEX\n.*Error: files: [^\n]*\n\s+at /,
  );
});

test('EDQUOT is reported in words, though libuv has no name for it', () => {
  const code = `Unknown system error -${constants.errno.EDQUOT}`;
  const error = Object.assign(new Error(`${code}: ${code}, mkdir '/store'`), { code, path: '/store' });
  assert.equal(sentenceOf(error), '/store: the quota of the disk is used up');
});
