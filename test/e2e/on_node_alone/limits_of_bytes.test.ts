// Limits of bytes: what has passed for a client, a site or a token is charged to it, and who owes is told
// when to come again. Rates here are so low that no time passes in a test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { Wire } from '../../support/wire.ts';

/** A byte in five seconds on average: what passes is the burst. */
const slow = { bytes: 1, seconds: 5 };
const burst = 250_000;
const site = await createSite({
  workers: 2,
  buckets: { web: 'versioned' },
  log: { access: 'access.log' },
  healthPath: '/health',
  sentinel: { intervalSeconds: 0 },
  trustedProxies: { from: ['127.0.0.1'] },
  sites: [
    { host: 'a.test', name: 'a', bucket: 'web' },
    { host: 'b.test', name: 'b', bucket: 'web' },
    { host: '*', path: '/up/', protocol: 'objects', name: 'up' },
  ],
  listeners: ['http://127.0.0.1:0'],
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});
/** Three of these are more than the burst. */
const size = 100_000;
const large = 64 * 2 ** 20;
for (const [name, bytes] of [
  ['a.bin', size],
  ['large.bin', large],
] as const) {
  await writeFile(join(site.dir, name), Buffer.alloc(bytes, 'x'));
  assert.equal((await server.put(`/up/o/web/${name}`, join(site.dir, name))).status, 201);
}

async function limit(rateLimits: object[]): Promise<void> {
  const written = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...written, rateLimits }));
  assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
}

const from = (client: string) => `X-Forwarded-For: ${client}`;
const refusals = (by: string) => server.metric(`sealgate_rate_limited_total{of="bytes",by="${by}"}`);

/** The statuses of so many requests over one connection. */
async function statuses(count: number, ...fields: string[]): Promise<string> {
  const wire = await Wire.open(server.url);
  const out: number[] = [];
  for (let i = 0; i < count; i++) out.push((await wire.get('/a.bin', ...fields)).status);
  wire.close();
  return out.join(' ');
}

test('by address: requests are answered until more has passed than the burst', async () => {
  await limit([{ name: 'traffic', by: 'address', ...slow, burst }]);
  const before = await refusals('address');
  const wire = await Wire.open(server.url);
  const asked = ['Host: a.test', from('192.0.2.1')];
  for (let i = 0; i < 3; i++) assert.equal((await wire.get('/a.bin', ...asked)).body.length, size);
  const { status, headers, body } = await wire.get('/a.bin', ...asked);
  wire.close();
  assert.equal(status, 429);
  const wait = Number(headers.get('retry-after'));
  const least = (3 * size - burst) * slow.seconds;
  assert.ok(wait > least && wait < least + 3 * 1000 * slow.seconds, `${wait}`);
  assert.equal(headers.get('ratelimit'), `"traffic";r=0;t=${wait}`);
  const window = burst * slow.seconds;
  assert.equal(headers.get('ratelimit-policy'), `"traffic";q=${burst};w=${window};qu="content-bytes"`);
  assert.match(JSON.parse(body.toString()).detail, /more requests, or bytes,/);
  assert.equal((await refusals('address')) - before, 1);
  const lines = async () => (await readFile(join(site.dir, 'access.log'), 'utf8')).split('\n');
  const line = await until(
    async () => (await lines()).find((each) => each.includes('"status":429')),
    (found) => found !== undefined,
    'a line of the log',
  );
  assert.equal(JSON.parse(line ?? '').limit, 'traffic');
});

test('HTTP/2 and uploads are refused as well, and other clients are not', async () => {
  const client = ['-H', from('192.0.2.1')];
  const over2 = await server.curl('/a.bin', '-H', 'Host: a.test', '--http2-prior-knowledge', ...client);
  assert.equal(over2.status, 429);
  assert.equal((await server.put('/up/o/web/b.bin', join(site.dir, 'a.bin'), ...client)).status, 429);
  assert.equal(await statuses(3, 'Host: a.test', from('192.0.2.2')), '200 200 200');
});

test('over HTTP/2 what passes is charged', async () => {
  const ask = () =>
    server.curl('/a.bin', '-H', 'Host: a.test', '--http2-prior-knowledge', '-H', from('192.0.2.3'));
  const out: number[] = [];
  await until(
    async () => {
      out.push((await ask()).status);
      return out;
    },
    (all) => all.includes(429),
    'a refusal',
  );
  assert.deepEqual([...new Set(out.slice(0, 3)), out.length <= 5], [200, true]);
});

test('an IPv6 client shares with its /64, and with nobody else', async () => {
  assert.equal(await statuses(3, 'Host: a.test', from('2001:db8::1')), '200 200 200');
  assert.equal(await statuses(1, 'Host: a.test', from('2001:db8::ffff')), '429');
  assert.equal(await statuses(1, 'Host: a.test', from('2001:db8:0:1::1')), '200');
});

test('an upload is charged, also one that is refused after its body has come', async () => {
  await writeFile(join(site.dir, 'up.bin'), Buffer.alloc(3 * size, 'y'));
  for (const [client, digest, status] of [
    ['192.0.2.4', [], 201],
    ['192.0.2.5', ['-H', `X-Checksum-Sha256: ${'0'.repeat(64)}`], 422],
  ] as const) {
    const to = `/up/o/web/${client}.bin`;
    const put = await server.put(to, join(site.dir, 'up.bin'), '-H', from(client), ...digest);
    assert.equal(put.status, status);
    const refused = async () => statuses(1, 'Host: a.test', from(client));
    await until(refused, (last) => last === '429', 'the debt');
  }
});

test('a download that the client gives up: what was sent is charged', async () => {
  const client = from('192.0.2.6');
  const url = `${server.url}/large.bin`;
  const slowly = ['-sS', '--limit-rate', '1M', '-H', 'Host: a.test', '-H', client, '-o'];
  const part = join(site.dir, 'part');
  const download = spawn('curl', [...slowly, part, url]);
  const ended = once(download, 'exit');
  const arrived = () =>
    stat(part).then(
      ({ size }) => size,
      () => 0,
    );
  await until(arrived, (bytes) => bytes > burst, 'more than the burst');
  assert.equal(await statuses(1, 'Host: a.test', client), '200', 'nothing is charged before the end');
  download.kill();
  await ended;
  await until(
    async () => statuses(1, 'Host: a.test', client),
    (last) => last === '429',
    'the debt',
  );
});

test('a health path is answered whoever owes, and is not charged', async () => {
  const ask = (path: string) => server.curl(path, '-H', 'Host: a.test', '-H', from('192.0.2.1'));
  assert.equal((await ask('/a.bin')).status, 429);
  assert.equal((await ask('/health')).status, 200);
  assert.equal((await ask('/healthy')).status, 429);
});

test('by site, and by token: each has its own', async () => {
  await limit([{ name: 'sites', by: 'site', ...slow, burst }]);
  assert.equal(await statuses(4, 'Host: a.test', from('192.0.2.7')), '200 200 200 429');
  assert.equal(await statuses(1, 'Host: a.test', from('192.0.2.8')), '429');
  assert.equal(await statuses(1, 'Host: b.test', from('192.0.2.7')), '200');
  await limit([{ name: 'tokens', by: 'token', ...slow, burst }]);
  assert.equal(await statuses(4, 'Host: a.test', 'Authorization: Bearer one'), '200 200 200 429');
  assert.equal(await statuses(1, 'Host: a.test', 'Authorization: Bearer two'), '200');
  assert.equal(await statuses(5, 'Host: a.test'), '200 200 200 200 200');
});

test('requests and bytes together: the one that is used up refuses', async () => {
  await limit([
    { name: 'often', by: 'address', requests: 1, seconds: 86_400, burst: 20 },
    { name: 'much', by: 'address', ...slow, burst },
  ]);
  const wire = await Wire.open(server.url);
  for (let i = 0; i < 3; i++) await wire.get('/a.bin', 'Host: a.test', from('192.0.2.20'));
  const { headers } = await wire.get('/a.bin', 'Host: a.test', from('192.0.2.20'));
  assert.match(headers.get('ratelimit') ?? '', /^"much"/);
  for (let i = 0; i < 25; i++) await wire.get('/none', 'Host: a.test', from('192.0.2.21'));
  const often = await wire.get('/none', 'Host: a.test', from('192.0.2.21'));
  assert.match(often.headers.get('ratelimit') ?? '', /^"often"/);
  wire.close();
});

test('ten thousand strangers do not make forget what a client owes', async () => {
  await limit([{ name: 'flood', by: 'address', ...slow, burst }]);
  assert.equal(await statuses(4, 'Host: a.test', from('198.51.100.1')), '200 200 200 429');
  const wires = await Promise.all(Array.from({ length: 8 }, () => Wire.open(server.url)));
  await Promise.all(
    wires.map(async (wire, at) => {
      for (let i = 0; i < 1250; i++) {
        const stranger = from(`10.${at}.${i >> 8}.${i & 255}`);
        assert.equal((await wire.get('/none', 'Host: a.test', stranger)).status, 404);
      }
      wire.close();
    }),
  );
  assert.equal(await statuses(1, 'Host: a.test', from('198.51.100.1')), '429');
});
