// A site with "cacheStatus" says in Cache-Status (RFC 9211) whether a kept plan answered, or why the
// application was asked. Other sites say nothing.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    { host: 'told.test', bucket: 'web', cacheStatus: true, fallback: 'index.html' },
    { host: 'api.test', protocol: 'objects', cacheStatus: true, cors: { origins: ['https://a.test'] } },
    { host: 'silent.test', bucket: 'web' },
  ],
});
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});
await writeFile(join(site.dir, 'token'), site.token, { mode: 0o600 });

async function put(name: string, content: string | Buffer): Promise<void> {
  const file = join(site.dir, 'upload');
  await writeFile(file, content);
  await runCli('put', file, `web/${name}`, '--config', site.config, '--token-file', join(site.dir, 'token'));
}
await put('index.html', '<p>home</p>');
await put('large.bin', Buffer.alloc(300_000, 'large'));

async function said(host: string, path: string, ...args: string[]): Promise<string | undefined> {
  return (await server.curl(path, '-H', `Host: ${host}`, ...args)).headers.get('cache-status');
}
const stored = 'sealgate; fwd=miss; stored';
const hit = 'sealgate; hit';

for (const name of ['index.html', 'large.bin']) {
  test(`${name}: a miss that is stored, then hits of every kind, and stale after an overwrite`, async () => {
    const ask = (...args: string[]) => said('told.test', `/${name}`, ...args);
    assert.equal(await ask(), stored);
    assert.equal(await ask(), hit);
    assert.equal(await ask(), hit);
    for (const args of [['-I'], ['-r', '0-3'], ['-H', 'If-None-Match: *'], ['-H', 'If-Match: "x"']])
      assert.equal(await ask(...args), hit, args.join(' '));
    await put(name, 'other');
    assert.equal(await ask(), 'sealgate; fwd=stale; stored');
    assert.equal(await ask(), hit);
  });
}

test('what no plan is kept of: a miss each time', async () => {
  for (let i = 0; i < 2; i++) {
    assert.equal(await said('told.test', '/is/none'), 'sealgate; fwd=miss');
    assert.equal(await said('api.test', '/o/web/none'), 'sealgate; fwd=miss');
  }
});

test('other methods are forwarded by method', async () => {
  assert.equal(await said('told.test', '/index.html', '-X', 'POST'), 'sealgate; fwd=method');
  assert.equal(await said('told.test', '/index.html', '-X', 'PUT', '-d', 'x'), 'sealgate; fwd=method');
});

test('an answer to another origin: a hit, too', async () => {
  await said('api.test', '/o/web/index.html');
  const origin = ['-H', 'Origin: https://a.test'];
  assert.equal(await said('api.test', '/o/web/index.html', ...origin), hit);
  assert.equal(await said('api.test', '/o/web/index.html'), hit);
});

test('a site without it, and a host of no site: no field', async () => {
  for (let i = 0; i < 2; i++) assert.equal(await said('silent.test', '/index.html'), undefined);
  assert.equal(await said('none.test', '/'), undefined);
});
