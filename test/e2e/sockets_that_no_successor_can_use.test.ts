// Sockets of a running server that would serve the next one less than its configuration says.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';

const site = await createSite();
const started: TestServer[] = [];
after(async () => {
  for (const server of started) await server.stop('SIGKILL');
  await site.remove();
});

async function start(...args: string[]): Promise<TestServer> {
  const server = await TestServer.start(site, '--workers', '1', ...args);
  started.push(server);
  return server;
}

async function statusAt(path: string): Promise<string> {
  const args = ['-s', '--max-time', '60', '-o', '/dev/null', '-w', '%{http_code}', '--unix-socket', path];
  return (await outcome(spawn('curl', [...args, 'http://localhost/o/files/none']))).stdout;
}

test('[::] is left of 0.0.0.0 and [::] in a replacement: refused, and IPv4 is served on', async () => {
  const port = await freePort();
  const v6 = ['--listen', `http://[::]:${port}`];
  const server = await start('--listen', `http://0.0.0.0:${port}`, ...v6);
  await assert.rejects(
    start(...v6, '--replace'),
    /listeners: \[::\]:\d+ is for IPv6 alone in the running server, which has 0\.0\.0\.0:\d+ as well/,
  );
  for (const host of ['127.0.0.1', '[::1]'])
    assert.equal((await fetch(`http://${host}:${port}/o/files/none`)).status, 404, host);
  assert.equal(await server.stop(), 0);
});

test('the file of a unix socket was removed: the next server makes it again', async () => {
  const path = join(site.dir, 'web.sock');
  const listen = ['--listen', 'http://127.0.0.1:0', '--listen', `unix:${path}`];
  const server = await start(...listen);
  await rm(path);
  const next = await start(...listen, '--replace');
  assert.equal(await server.ended(), 0);
  assert.equal(await statusAt(path), '404');
  assert.equal(await next.stop(), 0);
  await assert.rejects(access(path), { code: 'ENOENT' });
});
