// export writes a bucket as a tree with a manifest, and import takes it back as it was.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { bucketDigests, writeTree } from '../support/tree.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const other = await createSite();
after(() => Promise.all([site.remove(), other.remove()]));
const at = (path: string) => join(site.dir, path);
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const fails = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
const manifest = '.sealgate-export.jsonl';

const files = {
  'index.html': '<!doctype html>',
  empty: '',
  a: 'a file',
  'deep/er/file.bin': Buffer.alloc(300_000, 'deep '),
  '.hidden': 'a name that begins with a dot',
};
await writeTree(at('tree'), files);
await cli('import', at('tree'), '--hidden');
// Names of objects that a file system cannot have beside the others.
await cli('put', at('tree/empty'), 'files/a/below');
await cli('put', at('tree/a'), 'files/.sealgate-export/x');
await cli('put', at('tree/a'), 'files/typed', '--type', 'text/csv', '--cache-control', 'max-age=7');

/** Names, types, fields and digests of a bucket. */
const listed = async (config: string, bucket: string) =>
  (await runCli('ls', bucket, '--json', '--config', config))
    .trim()
    .split('\n')
    .map((line) => {
      const { bucket: _, lastModified: __, ...entry } = JSON.parse(line);
      return entry;
    });

test('exported, and imported into another site: the same names, bytes, types and fields', async () => {
  assert.match(await cli('export', 'files', at('out')), /^8 names exported, .*; \d files written\n$/);
  assert.equal(await readFile(at('out/index.html'), 'utf8'), files['index.html']);
  assert.match(await runCli('import', at('out'), '--config', other.config), /^8 files imported/);
  assert.deepEqual(await listed(other.config, 'files'), await listed(site.config, 'files'));
  assert.deepEqual(
    await bucketDigests(join(other.dir, 'store'), 'files'),
    await bucketDigests(join(site.dir, 'store'), 'files'),
  );
});

test('a versioned bucket that is exported is made versioned by the import', async () => {
  await cli('bucket', 'create', 'pages', '--kind', 'versioned');
  await cli('put', at('tree/a'), 'pages/a');
  await cli('export', 'pages', at('pages'));
  await runCli('import', at('pages'), '--config', other.config);
  assert.match(await runCli('bucket', 'ls', '--config', other.config), /^versioned +pages\b/m);
});

test('again: no file is written; a file that was changed is written anew', async () => {
  assert.match(await cli('export', 'files', at('out')), /; 0 files written\n$/);
  await writeFile(at('out/index.html'), '<!DOCTYPE HTML>');
  assert.match(await cli('export', 'files', at('out')), /; 1 file written\n$/);
  assert.equal(await readFile(at('out/index.html'), 'utf8'), files['index.html']);
});

test('a file changed after the export: its import is refused with both digests', async () => {
  await cli('export', 'files', at('changed'));
  await writeFile(at('changed/index.html'), '<!DOCTYPE HTML>');
  const { status, stderr } = await fails('import', at('changed'), '--bucket', 'changed');
  assert.equal(status, 1);
  assert.match(stderr, /index\.html: has SHA-256 [0-9a-f]{64}, and the manifest of the export says/);
  assert.equal((await listed(site.config, 'changed')).length, 7);
});

test('a manifest that names a file outside of its folder, by a path or a link, is refused', async () => {
  await cli('export', 'files', at('hostile'), '--prefix', 'index');
  const lines = (await readFile(at(`hostile/${manifest}`), 'utf8')).split('\n');
  await symlink(site.config, at('hostile/link'));
  for (const file of ['../sealgate.json', 'link']) {
    const line = JSON.stringify({ ...JSON.parse(lines[1] ?? ''), file });
    await writeFile(at(`hostile/${manifest}`), [lines[0], line, ''].join('\n'));
    const { status, stderr } = await fails('import', at('hostile'), '--bucket', 'hostile');
    assert.equal(status, 1);
    assert.match(stderr, /jsonl, line 2: .* is not in the folder/);
  }
});

test('a damaged line of a manifest is named with its number and what is wrong', async () => {
  await cli('export', 'files', at('torn'), '--prefix', 'index');
  await writeFile(
    at(`torn/${manifest}`),
    '{"sealgateExport":1,"bucket":"files","kind":"versioned"}\n{"name":"x"}\n',
  );
  const { status, stderr } = await fails('import', at('torn'), '--bucket', 'torn');
  assert.equal(status, 1);
  assert.match(stderr, /line 2: file: expected text, got nothing/);
});

test('a folder with other files, or with an export of another bucket, is refused', async () => {
  await mkdir(at('others'));
  await writeFile(at('others/file'), 'x');
  for (const [bucket, folder, reason] of [
    ['files', 'others', /holds other files/],
    ['changed', 'out', /holds an export of files/],
  ] as const) {
    const { status, stderr } = await fails('export', bucket, at(folder));
    assert.equal(status, 1);
    assert.match(stderr, reason);
  }
});

test('export through a server: the same tree as from the store', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    await cli('export', 'files', at('remote'), '--server', server.url, '--cacert', site.certificate);
    await rm(at(`remote/${manifest}`));
    await cli('export', 'files', at('beside'));
    for (const name of ['index.html', 'deep/er/file.bin', '.hidden'])
      assert.ok((await readFile(at(`remote/${name}`))).equals(await readFile(at(`beside/${name}`))));
  } finally {
    await server.stop();
  }
});

test('a name whose content was forgotten is left out, and the rest is exported with a manifest', async () => {
  await cli('bucket', 'create', 'partly');
  await writeTree(at('secret'), { secret: 'not for everybody' });
  await cli('put', at('secret/secret'), 'partly/a/secret');
  await cli('put', at('tree/index.html'), 'partly/index.html');
  await cli('forget', 'partly/a/secret', '--why', 'by request');
  const rest = new RegExp(
    `^1 name exported, ${files['index.html'].length} B; 1 file written; 1 left out, since`,
  );
  assert.match(await cli('export', 'partly', at('partly')), rest);
  const server = await TestServer.start(site, '--workers', '1');
  try {
    const through = ['--server', server.url, '--cacert', site.certificate];
    assert.match(await cli('export', 'partly', at('partly-remote'), ...through), rest);
  } finally {
    await server.stop();
  }
  assert.match(await runCli('import', at('partly'), '--config', other.config), /^1 file imported/);
});

test('over an earlier export: files of names that are gone are removed, and others are not', async () => {
  await cli('bucket', 'create', 'moving', '--kind', 'versioned');
  for (const name of ['a/deep/er', 'b/kept', 'b/gone']) await cli('put', at('tree/a'), `moving/${name}`);
  await cli('export', 'moving', at('moving'));
  await writeFile(at('moving/b/not of the export'), 'x');
  await cli('rm', 'moving/a/deep/er', 'moving/b/gone');
  assert.match(
    await cli('export', 'moving', at('moving'), '--prefix', 'b/'),
    /; 1 file removed, whose names/,
  );
  assert.deepEqual((await readdir(at('moving/b'))).sort(), ['kept', 'not of the export']);
  assert.ok((await readdir(at('moving'))).includes('a'), 'with --prefix b/ a name in a/ was removed');
});

test('a file and its empty folders go when the whole bucket is exported again', async () => {
  await cli('bucket', 'create', 'emptied', '--kind', 'versioned');
  for (const name of ['a/deep/er', 'b']) await cli('put', at('tree/a'), `emptied/${name}`);
  await cli('export', 'emptied', at('emptied'));
  await cli('rm', 'emptied/a/deep/er');
  assert.match(await cli('export', 'emptied', at('emptied')), /^1 name exported, .*; 1 file removed, whose/);
  assert.deepEqual((await readdir(at('emptied'))).sort(), ['.sealgate-export', manifest, 'b']);
});
