// While a server has the store open, reading commands use the store itself, and writing commands use the
// server: found by the announcement in the store, trusted by the site's certificate, with a token.

import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { sha256 } from '../support/store.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});
const file = join(site.dir, 'file');
await writeFile(file, 'uploaded bytes');
const tokenFile = join(site.dir, 'token');
await writeFile(tokenFile, `${site.token}\n`, { mode: 0o600 });
const at = ['--config', site.config];
const cli = (...args: string[]) => runCli(...args, ...at, '--token-file', tokenFile);
const about = `sha256:${sha256('uploaded bytes')} 14 bytes\n`;

test('ls, stat and get see an object right after its upload', async () => {
  assert.equal((await server.put('/o/files/uploaded', file)).status, 201);
  assert.match(await runCli('ls', 'files', ...at), / uploaded\n$/);
  assert.equal(JSON.parse(await runCli('stat', '--json', 'files/uploaded', ...at)).sealLevel, 'L1');
  assert.equal(await runCli('get', 'files/uploaded', ...at), 'uploaded bytes');
});

test('put stores through the server and prints whether the name was created', async () => {
  assert.equal(await cli('put', file, 'files/put'), `files/put created ${about}`);
  assert.equal(await cli('put', file, 'files/put'), `files/put same ${about}`);
  assert.equal((await server.curl('/o/files/put')).body.toString(), 'uploaded bytes');
});

test('put of other bytes under a write-once name is refused with a remedy', async () => {
  const other = join(site.dir, 'other');
  await writeFile(other, Buffer.alloc(3_000_000, 'other bytes '));
  const args = ['put', other, 'files/put', ...at, '--token-file', tokenFile];
  const { status, stdout, stderr } = await outcome(spawnCli(args));
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /^sealgate: files\/put: [^\n]*write-once[^\n]* or a bucket of kind versioned\.\n$/);
});

test('bucket create works at once, without a token on loopback, and is in the audit log', async () => {
  assert.equal(await runCli('bucket', 'create', 'live', '--kind', 'versioned', ...at), '');
  assert.match(await runCli('bucket', 'ls', ...at), /^versioned {3}live$/m);
  const [bucket] = (await runCli('bucket', 'ls', '--json', ...at))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ name }) => name === 'live');
  assert.equal(bucket.kind, 'versioned');
  assert.equal(new Date(bucket.created).toISOString(), bucket.created);
  assert.match(await cli('put', file, 'live/page'), /^live\/page created /);
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  assert.match(audit, /"action":"bucket-create","why":"asked to","bucket":"live","kind":"versioned"/);
});

test('put into, and settings of, a bucket that is not there: what makes one is said', async () => {
  for (const args of [
    ['put', file, 'nobody/a', '--token-file', tokenFile],
    ['bucket', 'set', 'nobody', '--keep-versions', '1'],
  ]) {
    const { status, stderr } = await outcome(spawnCli([...args, ...at]));
    assert.equal(status, 1);
    assert.match(stderr, /^sealgate: \S+: There is no bucket nobody; 'sealgate bucket create' makes one, /);
  }
});

test('bucket create with another kind is refused', async () => {
  const args = ['bucket', 'create', 'live', '--kind', 'write-once', ...at];
  const { status, stderr } = await outcome(spawnCli(args));
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: \S+: Bucket live is versioned, asked for was write-once; [^\n]*\n$/);
});

test('rm and cp: a name is deleted, bytes get another name with their media type', async () => {
  await cli('put', file, 'live/typed', '--type', 'text/x-test');
  assert.match(await cli('cp', 'live/typed', 'live/copied'), /^live\/copied created sha256:/);
  assert.match(await cli('cp', 'live/typed', 'live/copied'), /^live\/copied same sha256:/);
  const { headers, body } = await server.curl('/o/live/copied');
  assert.deepEqual([headers.get('content-type'), body.toString()], ['text/x-test', 'uploaded bytes']);
  assert.equal(await cli('rm', 'live/typed'), '');
  assert.equal((await server.curl('/o/live/typed')).status, 410);
  const again = await outcome(spawnCli(['rm', 'live/typed', ...at, '--token-file', tokenFile]));
  assert.deepEqual(
    [again.status, again.stderr],
    [1, 'sealgate: live/typed: there is nothing under this name\n'],
  );
  assert.equal(await cli('rm', '--force', 'live/typed'), '');
});

for (const args of [
  ['put', file, 'files/refused'],
  ['rm', 'files/put'],
]) {
  test(`${args[0]} without a token is refused and says how to create and pass one`, async () => {
    const { status, stdout, stderr } = await outcome(spawnCli([...args, ...at]));
    assert.deepEqual([status, stdout.replace(/^0 files imported[^\n]*\n/, '')], [1, '']);
    assert.match(stderr, /^sealgate: [^\n]*needs a bearer token[^\n]*--token-file or \$SEALGATE_TOKEN/);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}

test('a server without an announcement is reported with its pid', async () => {
  await rm(join(site.dir, 'store', 'server.json'));
  const { status, stderr } = await outcome(spawnCli(['put', file, 'files/x', ...at]));
  assert.equal(status, 1);
  assert.match(
    stderr,
    new RegExp(`^sealgate: \\S+: process ${server.pid} has this store open for writing; `),
  );
});

test('afterwards the server has logged no error and leaves no announcement', async () => {
  assert.equal((await server.curl('/o/files/uploaded')).body.toString(), 'uploaded bytes');
  assert.equal((await server.curl('/o/files/refused')).status, 404);
  await server.stop();
  assert.deepEqual(
    (await readdir(join(site.dir, 'store'))).filter((name) => name.startsWith('server.json')),
    [],
  );
});
