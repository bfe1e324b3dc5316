// TLS secrets are written only with --insecure-keylog, to a file with mode 0600. The environment variable
// SSLKEYLOGFILE of other programs has no effect.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const file = join(site.dir, 'keys.log');
after(() => site.remove());

test('--insecure-keylog: each handshake adds its lines to the file', async () => {
  const server = await TestServer.start(site, '--workers', '1', '--insecure-keylog', file);
  await server.curl('/o/files/none', '--tlsv1.3');
  await server.stop();
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  for (const line of lines) assert.match(line, /^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]{64,96}$/);
  assert.ok(lines.some((line) => line.startsWith('SERVER_TRAFFIC_SECRET_0 ')));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.match(server.log(), /secrets are being written/);
});

test('--insecure-keylog on a FIFO: the server does not start, and says why', async () => {
  const fifo = join(site.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const control = 'http://127.0.0.1:0';
  const args = ['serve', '--config', site.config, '--control', control, '--insecure-keylog', fifo];
  const { status, stderr } = await outcome(spawnCli(args));
  assert.notEqual(status, 0);
  assert.match(stderr, /fifo: cannot be opened for the key log, which has to be an ordinary file/);
});

test('SSLKEYLOGFILE without the flag: nothing is written', async () => {
  const other = join(site.dir, 'other.log');
  process.env.SSLKEYLOGFILE = other;
  const server = await TestServer.start(site, '--workers', '1');
  delete process.env.SSLKEYLOGFILE;
  await server.curl('/o/files/none');
  await server.stop();
  // Deno creates the file for clients of its own, so it may exist, but empty.
  assert.equal(await readFile(other, 'utf8').catch(() => ''), '');
});
