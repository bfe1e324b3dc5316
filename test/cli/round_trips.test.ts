// What put stores, get returns, and ls, stat and bucket describe, as text and as JSON.

import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { sha256 } from '../support/store.ts';

const site = await createSite();
after(() => site.remove());
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) & 255));
const digest = sha256(bytes);
const source = join(site.dir, 'source');
await writeFile(source, bytes);

async function stdoutOf(...args: string[]): Promise<Buffer> {
  const child = spawnCli([...args, '--config', site.config]);
  const pieces: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
  const { status, stderr } = await outcome(child);
  assert.deepEqual([status, stderr], [0, '']);
  return Buffer.concat(pieces);
}

test('put prints the digest and whether the name was created', async () => {
  const about = `sha256:${digest} 300000 bytes\n`;
  assert.equal(await cli('put', source, 'files/a.bin'), `files/a.bin created ${about}`);
  assert.equal(await cli('put', source, 'files/a.bin'), `files/a.bin same ${about}`);
});

test('get writes to standard output, byte for byte, by name and by digest', async () => {
  assert.ok((await stdoutOf('get', 'files/a.bin')).equals(bytes));
  assert.ok((await stdoutOf('get', `sha256:${digest}`)).equals(bytes));
});

test('get writes to a file, and replaces one', async () => {
  const output = join(site.dir, 'output');
  await writeFile(output, 'old');
  assert.equal(await cli('get', 'files/a.bin', '--output', output), '');
  assert.ok((await readFile(output)).equals(bytes));
  assert.deepEqual(
    (await readdir(site.dir)).filter((name) => name.includes('partial')),
    [],
  );
});

test('put reads standard input, and takes a media type', async () => {
  const args = ['put', '-', 'files/from stdin', '--type', 'text/x-test', '--config', site.config];
  const child = spawnCli(args);
  child.stdin?.end('typed in');
  assert.equal((await outcome(child)).status, 0);
  assert.equal((await stdoutOf('get', 'files/from stdin')).toString(), 'typed in');
  assert.equal(JSON.parse(await cli('stat', '--json', 'files/from stdin')).mediaType, 'text/x-test');
});

test('an empty file round-trips', async () => {
  await writeFile(join(site.dir, 'empty'), '');
  await cli('put', join(site.dir, 'empty'), 'files/empty');
  assert.equal((await stdoutOf('get', 'files/empty')).length, 0);
});

test('stat prints digest, size, type, time, version and seal level', async () => {
  const { lastModified, ...about } = JSON.parse(await cli('stat', '--json', 'files/a.bin'));
  const expected = {
    digest,
    size: 300_000,
    mediaType: 'application/octet-stream',
    version: 1,
    sealLevel: 'L1',
  };
  assert.deepEqual(about, { ref: 'files/a.bin', ...expected });
  assert.equal(new Date(lastModified).toISOString(), lastModified);
  const text = await cli('stat', 'files/a.bin');
  assert.match(
    text,
    new RegExp(`^files/a.bin\n {2}digest +sha256:${digest}\n {2}size +300000 bytes \\(293\\.0 KiB\\)\n`),
  );
});

test('ls lists names in order, below a prefix, as JSON, and up to a limit', async () => {
  const names = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^.*[0-9a-f]{12} {2}/, ''));
  assert.deepEqual(names(await cli('ls', 'files')), ['a.bin', 'empty', 'from stdin']);
  assert.deepEqual(names(await cli('ls', 'files/f')), ['from stdin']);
  assert.deepEqual(names(await cli('ls', 'files', '--limit', '2')), ['a.bin', 'empty']);
  assert.equal(await cli('ls', 'files/nothing'), '');
  const [first] = (await cli('ls', '--json', 'files')).split('\n');
  const { bucket, name, digest: listed, size } = JSON.parse(first ?? '');
  assert.deepEqual([bucket, name, listed, size], ['files', 'a.bin', digest, 300_000]);
});

test('ls --delimiter lists what is the same up to it once, in its place', async () => {
  for (const name of ['tree/a', 'tree/b/1', 'tree/b/2', 'tree/c'])
    await cli('cp', `sha256:${digest}`, `files/${name}`);
  const ends = (await cli('ls', 'files/tree/', '--delimiter', '/')).split('\n').map((line) => line.slice(47));
  assert.deepEqual(ends, ['tree/a', 'tree/b/', 'tree/c', '']);
  const lines = (await cli('ls', '--json', 'files/tree/', '--delimiter', '/')).trimEnd().split('\n');
  const [first, folder] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([first.name, folder], ['tree/a', { bucket: 'files', prefix: 'tree/b/' }]);
  assert.equal((await cli('ls', 'files/tree/', '--delimiter', '/', '--limit', '2')).split('\n').length, 3);
});

test('ls accepts a name of 900 characters as its prefix', async () => {
  const long = 'n'.repeat(900);
  await cli('put', source, `files/${long}`);
  assert.match(await cli('ls', `files/${long}`), new RegExp(`${long}\n$`));
});

test('buckets are created, keep their kind and are listed', async () => {
  assert.equal(await cli('bucket', 'create', 'live', '--kind', 'versioned'), '');
  assert.equal(await cli('bucket', 'create', 'live', '--kind', 'versioned'), '');
  assert.match(await cli('bucket', 'list'), /^write-once {2}files {2}8 objects, .*\nversioned {3}live\n$/);
  assert.match(await cli('put', source, 'live/a'), /^live\/a created /);
  await writeFile(join(site.dir, 'newer'), 'newer');
  assert.match(await cli('put', join(site.dir, 'newer'), 'live/a'), /^live\/a replaced /);
  assert.match(await cli('stat', 'live/a'), /, version 2\n/);
});
