// TLS secrets are written only with --insecure-keylog, to a file with mode 0600. The environment variable
// SSLKEYLOGFILE of other programs has no effect.

import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
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
