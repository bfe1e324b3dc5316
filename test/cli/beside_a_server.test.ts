// While a server runs on a store, commands that read work on it, and those that write are refused with its
// pid.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});
const file = join(site.dir, 'file');
await writeFile(file, 'uploaded bytes');

test('ls, stat and get see what was uploaded a moment ago', async () => {
  assert.equal((await server.put('/o/files/uploaded', file)).status, 201);
  assert.match(await runCli('ls', 'files', '--config', site.config), / uploaded\n$/);
  assert.equal(
    JSON.parse(await runCli('stat', '--json', 'files/uploaded', '--config', site.config)).sealLevel,
    'L1',
  );
  assert.equal(await runCli('get', 'files/uploaded', '--config', site.config), 'uploaded bytes');
});

for (const args of [
  ['put', file, 'files/refused'],
  ['import', site.dir],
  ['bucket', 'create', 'refused'],
]) {
  test(`${args[0]} is refused with the pid of the server and what to do`, async () => {
    const { status, stdout, stderr } = await outcome(spawnCli([...args, '--config', site.config]));
    assert.deepEqual([status, stdout], [1, '']);
    const advice = 'write through that server \\(HTTP PUT\\), or stop it first';
    assert.match(
      stderr,
      new RegExp(`^sealgate: \\S+: process ${server.pid} has this store open for writing; ${advice}\n$`),
    );
  });
}

test('and none of it disturbed the server', async () => {
  assert.equal((await server.curl('/o/files/uploaded')).body.toString(), 'uploaded bytes');
  assert.equal((await server.curl('/o/files/refused')).status, 404);
});
