// The control listener refuses requests from foreign web pages: host names that point to loopback (DNS
// rebinding), and cross-site forms.

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

test('a Host other than a loopback name gets 403', async () => {
  assert.equal(await status('/metrics', '-H', 'Host: elsewhere.test:9443'), '403');
  assert.equal(await status('/metrics', '-H', 'Host: localhost.elsewhere.test:9443'), '403');
  assert.equal(await status('/metrics', '-H', 'Host: localhost:9443'), '200');
  assert.equal(await status('/metrics', '-H', 'Host: LocalHost.:9443'), '200');
});

test('POST with a foreign Origin gets 403; without Origin or from its own page it is accepted', async () => {
  const post = ['-X', 'POST'];
  assert.equal(await status('/tls/reload', ...post, '-H', 'Origin: https://elsewhere.test'), '403');
  assert.equal(await status('/tls/reload', ...post, '-H', 'Origin: null'), '403');
  assert.equal(await status('/tls/reload', ...post), '204');
  assert.equal(await status('/tls/reload', ...post, '-H', `Origin: ${server.control}`), '204');
});
