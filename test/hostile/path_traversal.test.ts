// Targets that try to leave the store, by every spelling of "..", NUL, slash and backslash: none reads,
// writes or deletes anything but an object of the bucket it names.

import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const secret = 'a secret beside the store';
await writeFile(join(site.dir, 'secret'), secret);
await writeFile(join(site.dir, 'store', 'secret'), secret);
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
await writeFile(join(site.dir, 'file'), 'an object');
await server.put('/o/files/object', join(site.dir, 'file'));

const targets = [
  '/../secret',
  '/o/../secret',
  '/o/../../secret',
  '/o/files/../secret',
  '/o/files/../../secret',
  '/o/files/../../../../../../../../etc/passwd',
  '/o/files/./object',
  '/o/files/object/..',
  '/o/files/object/../object',
  '/o/files//object',
  '/o/files//etc/passwd',
  '//secret',
  '/o//secret',
  '/o/files/%2e%2e/%2e%2e/secret',
  '/o/files/%2E%2E/%2E./secret',
  '/o/files/.%2e/secret',
  '/o/%2e%2e/secret',
  '/o/..%2fsecret',
  '/o/files/..%2f..%2fsecret',
  '/o/files/%2fetc%2fpasswd',
  '/o/files/%252e%252e%252fsecret/..',
  '/o/files/..%5c..%5csecret',
  '/o/files/..\\..\\secret',
  '/o/files/object%00',
  '/o/files/object%00.mp4',
  '/o/files/%00',
  '/o/files%00/object',
  '/o/files/object%0d%0aX-Injected:%201',
  '/o/files/%c0%ae%c0%ae/secret',
  '/o/files/%c0%af',
  '/o/files/%ff',
  '/o/files/%',
  '/o/files/%2',
  '/o/files/%zz',
  '/sha256/../secret',
  '/sha256/..%2f..%2fsecret',
  `/sha256/${'.'.repeat(64)}`,
  `/sha256/${'/'.repeat(64)}`,
  `/sha256/${'g'.repeat(64)}`,
  'http://localhost/../secret',
  'file:///etc/passwd',
  '/meta/data.mdb',
  '/store/secret',
  '/tokens.json',
];

/** Every file outside the store and every blob inside, by path. */
async function files(): Promise<string[]> {
  const all = await readdir(site.dir, { recursive: true, withFileTypes: true });
  const paths = all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return paths.filter((path) => !path.includes('/curl-') && !path.includes('/meta/')).sort();
}
const before = await files();

async function ask(method: string, target: string, body = '') {
  const fields = [`Authorization: Bearer ${site.token}`, `Content-Length: ${body.length}`];
  const wire = await Wire.open(server.url, trust);
  wire.send(request(method, target, ...fields) + body);
  const response = await wire.response();
  wire.close();
  return response;
}

for (const target of targets) {
  test(`${target} is refused`, async () => {
    for (const [method, body] of [['GET'], ['PUT', 'overwritten'], ['DELETE']] as [string, string?][]) {
      const { status, headers, body: said } = await ask(method, target, body);
      assert.ok([400, 404, 405].includes(status), `${method}: ${status} ${said}`);
      assert.equal(headers.get('content-type'), 'application/problem+json');
      assert.equal(headers.get('x-injected'), undefined);
      assert.ok(!said.includes(secret) && !said.includes('root:'), `${method}: ${said}`);
    }
  });
}

test('a prefix of a listing matches names, not paths', async () => {
  for (const prefix of ['../', '%2e%2e%2f', '/', '%00']) {
    const { status, body } = await ask('GET', `/o/files/?prefix=${prefix}`);
    assert.deepEqual([status, JSON.parse(body.toString()).entries], [200, []], prefix);
  }
});

test('no file was made, changed or removed', async () => {
  assert.deepEqual(await files(), before);
  assert.equal(await readFile(join(site.dir, 'secret'), 'utf8'), secret);
  assert.equal((await server.curl('/o/files/object')).body.toString(), 'an object');
});

test('..;, ..., a..b and %252e%252e are names', async () => {
  for (const target of ['/o/files/..;/x', '/o/files/...', '/o/files/a..b', '/o/files/%252e%252e/x']) {
    assert.equal((await ask('PUT', target, target)).status, 201, target);
    assert.equal((await ask('GET', target)).body.toString(), target);
  }
});
