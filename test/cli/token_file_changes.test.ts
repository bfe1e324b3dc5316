// The token file under concurrent changes, and when it is broken while a server runs: no change is lost, and
// the known tokens stay valid.

import assert from 'node:assert/strict';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
after(() => site.remove());
const file = join(site.dir, 'tokens.json');
const tokens = (...args: string[]) => runCli('token', ...args, '--config', site.config);
const list = async (): Promise<{ id: string; label?: string; created: string }[]> =>
  (await tokens('ls', '--json'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('eight processes that add tokens while one revokes: no change is lost', async () => {
  await tokens('add', 'read:*', '--label', 'to be revoked');
  const doomed = (await list()).find(({ label }) => label === 'to be revoked');
  const labels = Array.from({ length: 8 }, (_, number) => `number ${number}`);
  await Promise.all([
    ...labels.map((label) => tokens('add', 'write:files', '--label', label)),
    tokens('rm', doomed?.id ?? ''),
  ]);
  const found = (await list()).map(({ label }) => label);
  assert.deepEqual(found.sort(), ['made by init', ...labels]);
});

test('--output writes the token to a new file of mode 0600, and overwrites none', async () => {
  const output = join(site.dir, 'secret');
  assert.equal(await tokens('add', 'read:*', '--output', output), '');
  assert.match(await readFile(output, 'utf8'), /^sgt_[\w-]{43}\n$/);
  assert.equal((await stat(output)).mode & 0o777, 0o600);
  const before = await list();
  const again = ['token', 'add', 'read:*', '--output', output, '--config', site.config];
  const { status, stderr } = await outcome(spawnCli(again));
  assert.deepEqual([status, stderr], [1, `sealgate: ${output}: is there already\n`]);
  assert.deepEqual(await list(), before);
});

test('an unknown id is refused with a hint to token ls', async () => {
  const { status, stderr } = await outcome(spawnCli(['token', 'rm', 'ffff', '--config', site.config]));
  const fault = "sealgate: ffff: there is no token of this id; 'sealgate token ls' shows them\n";
  assert.deepEqual([status, stderr], [1, fault]);
});

test('a file broken while a server runs: logged, counted, and known tokens stay valid', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    const body = join(site.dir, 'body');
    await writeFile(body, 'bytes');
    assert.equal((await server.put('/o/files/before', body)).status, 201);
    await rename(file, `${file}.good`);
    await writeFile(file, '{"tokens": [', { mode: 0o600 });
    const broken = () => server.metric('sealgate_tokens_file_broken');
    await until(broken, (value) => value === 1, 'the metric tells');
    assert.equal((await server.put('/o/files/during', body)).status, 201);
    assert.match(server.log(), /tokens\.json: is not a token file/);
    assert.match(server.log(), /the tokens known before stay in force/);
    await rename(`${file}.good`, file);
    await until(broken, (value) => value === 0, 'and that it is over');
    const mended = /"level":30.*tokens\.json.*the token file can be read again; it is in force/;
    await until(server.log, (log) => mended.test(log), 'the log tells too');
  } finally {
    await server.stop();
  }
});

test('a server does not start with a broken token file, and says which', async () => {
  await rename(file, `${file}.good`);
  await writeFile(file, '{"tokens": [', { mode: 0o600 });
  const args = ['serve', '--config', site.config, '--listen', 'https://127.0.0.1:0'];
  const { status, stderr } = await outcome(spawnCli([...args, '--control', 'http://127.0.0.1:0']));
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: \S+tokens\.json: is not a token file; restore it[^\n]*$/m);
  await rename(`${file}.good`, file);
});
