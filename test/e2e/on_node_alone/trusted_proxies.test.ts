// Requests that come by way of HTTP proxies: the client is whom a trusted one names, for the access log and
// the lists of sites. Nobody else is believed, and trust is read again while the server runs.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { Wire } from '../../support/wire.ts';

const trusting = { from: ['127.0.0.1', '10.0.0.0/8'] };
const site = await createSite({
  buckets: { web: 'versioned' },
  log: { access: 'access.log' },
  sentinel: { intervalSeconds: 0 },
  trustedProxies: trusting,
  sites: [
    { host: 'open.test', bucket: 'web' },
    { host: 'deny.test', bucket: 'web', deny: ['192.0.2.0/24'], allow: ['0.0.0.0/0', '::/0'] },
    { host: '*', path: '/up/', protocol: 'objects' },
  ],
});
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

await writeFile(join(site.dir, 'a.txt'), 'hello');
assert.equal((await server.put('/up/o/web/a.txt', join(site.dir, 'a.txt'))).status, 201);

let asked = 0;
const marker = () => `/a.txt?${++asked}`;

async function logged(target: string): Promise<{ peer: string; via?: string }> {
  const text = () => readFile(join(site.dir, 'access.log'), 'utf8').catch(() => '');
  const lines = async () => (await text()).split('\n').filter((line) => line.includes(`"${target}"`));
  const [line = ''] = await until(lines, ({ length }) => length === 1, `the line of ${target}`);
  const { peer, via } = JSON.parse(line);
  return { peer, ...(via !== undefined && { via }) };
}

/** Replaces the setting in the file, and has the server read it. */
async function trust(trustedProxies: object): Promise<{ settings: string[]; restart: string[] }> {
  const written = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...written, trustedProxies }));
  const answer = await fetch(`${server.control}/reload`, { method: 'POST' });
  assert.equal(answer.status, 200);
  return (await answer.json()) as { settings: string[]; restart: string[] };
}

const says = (value: string) => `X-Forwarded-For: ${value}`;

for (const version of ['--http1.1', '--http2-prior-knowledge']) {
  test(`${version}: the last address that is no proxy is the client, in the log and for a site`, async () => {
    const target = marker();
    const client = ['-H', says('6.6.6.6, 192.0.2.7, 10.0.0.1'), version];
    assert.equal((await server.curl(target, '-H', 'Host: open.test', ...client)).status, 200);
    assert.deepEqual(await logged(target), { peer: '192.0.2.7', via: '127.0.0.1' });
    assert.equal((await server.curl('/a.txt', '-H', 'Host: deny.test', ...client)).status, 403);
  });
}

test('one connection with requests of many clients: each is judged by itself, kept or not', async () => {
  const wire = await Wire.open(server.url);
  for (let round = 0; round < 3; round++) {
    for (const [client, status] of [
      ['198.51.100.1', 200],
      ['192.0.2.7', 403],
      ['192.0.2.7:4711', 403],
      ['[2001:db8::1]:80', 200],
    ] as const) {
      const answer = await wire.get('/a.txt', 'Host: deny.test', says(client));
      assert.equal(answer.status, status, client);
    }
    assert.equal((await wire.get('/a.txt', 'Host: deny.test')).status, 200, 'the proxy itself');
  }
  wire.close();
});

test('who is no trusted proxy is not believed', async () => {
  const wire = await Wire.open(server.url, undefined, '127.0.0.2');
  const target = marker();
  assert.equal((await wire.get(target, 'Host: open.test', says('192.0.2.7'))).status, 200);
  assert.deepEqual(await logged(target), { peer: '127.0.0.2' });
  assert.equal((await wire.get('/a.txt', 'Host: deny.test', says('192.0.2.7'))).status, 200);
  wire.close();
});

test('what cannot be read, and the other field, name nobody: the client is the proxy', async () => {
  const wire = await Wire.open(server.url);
  for (const field of [
    says('192.0.2.7, unknown'),
    says('192.0.2.777'),
    'Forwarded: for=192.0.2.7',
    says(''),
  ]) {
    const target = marker();
    assert.equal((await wire.get(target, 'Host: open.test', field)).status, 200, field);
    assert.deepEqual(await logged(target), { peer: '127.0.0.1' }, field);
  }
  wire.close();
});

test('read again: the next request of a connection that there was is judged by it', async () => {
  const wire = await Wire.open(server.url);
  const ask = async (field: string) => {
    const target = marker();
    assert.equal((await wire.get(target, 'Host: open.test', field)).status, 200);
    return (await logged(target)).peer;
  };
  const standard = 'Forwarded: for="192.0.2.7:1";proto=https;by=10.0.0.1, for=10.0.0.2';
  assert.equal(await ask(standard), '127.0.0.1');
  const first = await trust({ ...trusting, field: 'Forwarded' });
  assert.deepEqual(first.settings, ['trustedProxies.field']);
  assert.equal(await ask(standard), '192.0.2.7');
  assert.equal(await ask(says('192.0.2.7')), '127.0.0.1');
  const { settings, restart } = await trust({});
  assert.deepEqual([settings, restart], [['trustedProxies.from', 'trustedProxies.field'], []]);
  assert.equal(await ask(standard), '127.0.0.1');
  assert.deepEqual((await trust({})).settings, []);
  wire.close();
});
