// Bearer tokens are created, followed by a running server, revoked and expired; their file has mode 0600, and
// no log contains a token.

import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
const accessLog = join(site.dir, 'access.log');
const server = await TestServer.start(
  site,
  '--workers',
  '1',
  '--log-level',
  'trace',
  '--access-log',
  accessLog,
);
after(async () => {
  await server.stop();
  await site.remove();
});
const file = join(site.dir, 'tokens.json');
const tokens = (...args: string[]) => runCli('token', ...args, '--config', site.config);
const [body] = [join(site.dir, 'body')];
await writeFile(body, 'bytes');

async function put(path: string, token: string): Promise<number> {
  const { status } = await server.curl(path, '-T', body, '-H', `Authorization: Bearer ${token}`);
  return status;
}

test('a running server accepts an added token and refuses a revoked one', async () => {
  const token = (await tokens('add', 'write:files')).trim();
  assert.match(token, /^sgt_[\w-]{43}$/);
  await until(
    () => put('/o/files/added', token),
    (status) => status !== 401,
    'the token is taken',
  );
  assert.equal(await put('/o/files/added', token), 200);
  assert.equal(await put('/o/other/added', token), 403);

  const line = (await tokens('ls')).split('\n').find((each) => each.endsWith('  write:files')) ?? '';
  assert.equal(await tokens('rm', line.slice(0, 8)), '');
  assert.ok(!(await tokens('ls')).includes(line));
  await until(
    () => put('/o/files/added', token),
    (status) => status === 401,
    'the token is refused',
  );
});

test('a token that has expired is refused', async () => {
  const token = (await tokens('add', 'write:*', '--days', '0.00005')).trim();
  await until(
    () => put('/o/files/expired', token),
    (status) => status === 401,
    'the token expires',
  );
});

test('the file has mode 0600 after every change', async () => {
  const mode = async () => (await stat(file)).mode & 0o777;
  assert.equal(await mode(), 0o600);
  await chmod(file, 0o644);
  const { status, stdout, stderr } = await outcome(spawnCli(['token', 'list', '--config', site.config]));
  assert.deepEqual(
    [status, stdout, stderr],
    [1, '', `sealgate: ${file}: others may read it (mode 644); run chmod 600 on it\n`],
  );
  await chmod(file, 0o600);
  await tokens('add', 'read:files');
  assert.equal(await mode(), 0o600);
});

test('a malformed file is refused and left unchanged', async () => {
  const good = await readFile(file, 'utf8');
  await writeFile(file, '{"tokens": 1}');
  const { status, stderr } = await outcome(spawnCli(['token', 'add', 'read:*', '--config', site.config]));
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: \S+tokens\.json: is not a token file; [^\n]*\n$/);
  assert.equal(await readFile(file, 'utf8'), '{"tokens": 1}');
  await writeFile(file, good);
});

test('no token is in the file, in a list, or in a log, at level trace', async () => {
  assert.ok([200, 201].includes(await put('/o/files/logged', site.token)));
  await put('/o/files/logged', 'sgt_of-somebody-who-guesses');
  await server.stop();
  assert.ok(server.log().length > 0);
  const places = [
    await readFile(file, 'utf8'),
    await tokens('list'),
    server.log(),
    await readFile(accessLog, 'utf8'),
  ];
  for (const place of places) assert.doesNotMatch(place, /sgt_/);
});
