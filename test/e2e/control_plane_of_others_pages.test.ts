// The control listener answers no web page but its own: neither a name that somebody points at loopback, nor
// a form of another site.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { outcome } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

async function status(path: string, ...args: string[]): Promise<string> {
  const url = `${server.control}${path}`;
  const curl = spawn('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...args, url]);
  return (await outcome(curl)).stdout;
}

test('a Host that is no loopback name is refused', async () => {
  assert.equal(await status('/metrics', '-H', 'Host: elsewhere.test:9443'), '403');
  assert.equal(await status('/metrics', '-H', 'Host: localhost.elsewhere.test:9443'), '403');
  assert.equal(await status('/metrics', '-H', 'Host: localhost:9443'), '200');
  assert.equal(await status('/metrics', '-H', 'Host: LocalHost.:9443'), '200');
});

test('a post from another site is refused, one from a shell or an own page is not', async () => {
  const post = ['-X', 'POST'];
  assert.equal(await status('/tls/reload', ...post, '-H', 'Origin: https://elsewhere.test'), '403');
  assert.equal(await status('/tls/reload', ...post, '-H', 'Origin: null'), '403');
  assert.equal(await status('/tls/reload', ...post), '204');
  assert.equal(await status('/tls/reload', ...post, '-H', `Origin: ${server.control}`), '204');
});
