// import: the media type and the fields that its flags say are recorded of all files that it takes, in the
// store and through a server; what the manifest of an export says goes before them.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const site = await createSite({ buckets: { files: 'write-once', live: 'versioned' } });
after(() => site.remove());
const at = (path: string) => join(site.dir, path);
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const fails = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
await writeTree(at('tree'), {
  'index.html': '<!doctype html>',
  'assets/a.css': 'a {}',
  'assets/b.css': 'b {}',
});

interface Shown {
  mediaType?: string;
  cacheControl?: string;
  contentLanguage?: string;
  meta?: Record<string, string>;
}

async function shown(ref: string): Promise<Shown> {
  const { mediaType, cacheControl, contentLanguage, meta } = JSON.parse(await cli('stat', ref, '--json'));
  const all = { mediaType, cacheControl, contentLanguage, meta };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const flags = ['--cache-control', 'max-age=60', '--content-language', 'de', '--meta', 'Build=7'];
const fields = { cacheControl: 'max-age=60', contentLanguage: 'de', meta: { build: '7' } };
const css = 'text/css; charset=utf-8';

async function assertRecorded(first: RegExp, ...how: string[]): Promise<void> {
  const into = ['import', at('tree'), '--bucket', 'live', ...how];
  assert.match(await cli(...into, ...flags), first);
  assert.deepEqual(await shown('live/assets/a.css'), { mediaType: css, ...fields });
  assert.match(await cli(...into, ...flags), /^0 files imported.*\n3 files were there already\n$/);
  assert.match(await cli(...into), /^0 files imported.*\n3 files were there already\n$/);
  const some = await cli(
    ...into,
    '--include',
    'assets/**',
    '--cache-control',
    'immutable',
    '--type',
    'text/x-css',
  );
  assert.match(some, /^2 files imported/);
  assert.deepEqual(await shown('live/assets/b.css'), { mediaType: 'text/x-css', cacheControl: 'immutable' });
  assert.deepEqual((await shown('live/index.html')).cacheControl, 'max-age=60');
}

test('import into the store: fields are recorded; the same change nothing, others replace them', async () => {
  await assertRecorded(/^3 files imported/);
});

test('files of a write-once bucket that are there with other fields are failures', async () => {
  await cli('import', at('tree'), '--bucket', 'files', '--meta', 'build=7');
  const { status, stderr } = await fails('import', at('tree'), '--bucket', 'files', '--meta', 'build=8');
  assert.equal(status, 1);
  assert.match(stderr, /a\.css: .*fields/);
  assert.deepEqual((await shown('files/index.html')).meta, { build: '7' });
});

test('what a manifest says of a file goes before the flags, which say the rest', async () => {
  await cli(
    'put',
    at('tree/index.html'),
    'live/told',
    '--cache-control',
    'max-age=1',
    '--meta',
    'a=manifest',
  );
  await cli('export', 'live', at('out'));
  await cli('bucket', 'create', 'back', '--kind', 'versioned');
  const said = [
    '--cache-control',
    'max-age=2',
    '--content-language',
    'en',
    '--meta',
    'a=flag',
    '--meta',
    'b=flag',
  ];
  await cli('import', at('out'), '--bucket', 'back', ...said, '--type', 'text/plain');
  assert.deepEqual(await shown('back/told'), {
    mediaType: (await shown('live/told')).mediaType,
    cacheControl: 'max-age=1',
    contentLanguage: 'en',
    meta: { a: 'manifest', b: 'flag' },
  });
});

test('--dry-run shows the type that is told, and a field that cannot be is a wrong argument', async () => {
  assert.match(
    await cli('import', at('tree'), '--dry-run', '--type', 'text/x-new'),
    /text\/x-new +assets\/a\.css/,
  );
  const { status, stderr } = await fails('import', at('tree'), '--cache-control', 'max-age=x');
  assert.equal(status, 2);
  assert.match(stderr, /Cache-Control/);
});

test('import through a server records the same', async () => {
  await cli('rm', 'live/index.html', 'live/assets/a.css', 'live/assets/b.css');
  const server = await TestServer.start(site, '--workers', '1');
  await writeFile(at('token'), site.token, { mode: 0o600 });
  await assertRecorded(/^3 files imported/, '--token-file', at('token')).finally(() => server.stop());
});
