// Mirrors with a bound, through a server: they are never full for a client, and what they evict gives its
// space back, also when the server is killed or replaced meanwhile.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';

/** The bytes of each name are others, and as many as the number in it says. */
const bodyOf = (path: string) => {
  const size = Number(/(\d+)$/.exec(path)?.[1] ?? 10);
  return Buffer.alloc(size, createHash('sha256').update(path).digest('hex'));
};
const upstream = await startUpstream(({ url = '' }, response) => {
  const body = bodyOf(url);
  if (url.includes('chunked')) response.write(body.subarray(0, 1));
  else response.setHeader('content-length', body.length);
  response.end(url.includes('chunked') ? body.subarray(1) : body);
});

const sites = (maxBytes?: number) => [
  {
    ...{ path: '/m/', protocol: 'mirror', bucket: 'mirror', upstreams: ['up'], cacheStatus: true },
    mirror: {
      local: ['/m/own/**'],
      rules: [{ match: '/m/**', immutable: true }],
      ...(maxBytes !== undefined && { maxBytes }),
    },
  },
  { path: '/', protocol: 'objects' },
];
let site: Site;
let server: TestServer;
const start = async (...args: string[]) => {
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  server = await TestServer.start(site, '--workers', '2', ...listen, ...args);
};
const bound = async (maxBytes?: number) => {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...config, sites: sites(maxBytes) }));
};
const reload = async (maxBytes?: number) => {
  await bound(maxBytes);
  assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
};
before(async () => {
  site = await createSite({
    buckets: { mirror: 'versioned', files: 'write-once' },
    drain: { lameDuckSeconds: 0, graceSeconds: 1 },
    upstreams: { up: { url: upstream.url } },
    sites: sites(1_000_000),
  });
  await start();
  const file = join(site.dir, 'tool');
  await writeFile(file, 'ours');
  for (const path of ['/o/mirror/own/tool', '/o/mirror/uploaded'])
    assert.equal((await server.put(path, file)).status, 201);
});
after(async () => {
  await server.stop();
  await site.remove();
  upstream.close();
});

const usage = async () => {
  const { buckets } = await (await fetch(`${server.control}/buckets`)).json();
  return buckets.find(({ name }: { name: string }) => name === 'mirror').usage as { bytes: number };
};
/** Bytes of all files below blobs/. */
const onDisk = async () => {
  const files = await readdir(join(site.dir, 'store', 'blobs'), { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((each) => each.isFile())
    .map((each) =>
      stat(join(each.parentPath, each.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
};
const status = async (path: string) => (await server.curl(path)).status;
async function right(path: string): Promise<void> {
  const { status, body } = await server.curl(`/m/${path}`);
  assert.equal(status, 200, path);
  assert.ok(body.equals(bodyOf(`/${path}`)), `${path} has its bytes`);
}
const ours = async () => {
  for (const path of ['/o/mirror/own/tool', '/o/mirror/uploaded'])
    assert.equal(await status(path), 200, path);
};

test('40 objects of 100 kB in a mirror of 1 MB: the oldest are gone, and their space is back', async () => {
  for (let i = 0; i < 40; i++) await right(`many-${i}-100000`);
  assert.equal(await status('/o/mirror/many-0-100000'), 404);
  assert.equal(await status('/o/mirror/many-39-100000'), 200);
  await until(onDisk, (bytes) => bytes <= 1_000_000, 'the space is back');
  assert.ok((await usage()).bytes <= 1_000_000);
  assert.ok((await server.metric('sealgate_mirror_evicted_objects_total{bucket="mirror"}')) >= 30);
  await ours();
  await right('many-0-100000');
});

test('an object that is larger than the bound reaches the client, and is not kept', async () => {
  upstream.asked.length = 0;
  const { headers } = await server.curl('/m/large-2000000');
  assert.match(headers.get('cache-status') ?? '', /^mirror; fwd=miss(?:,|$)/);
  await right('large-2000000');
  assert.deepEqual(upstream.asked, ['GET /large-2000000', 'GET /large-2000000']);
  assert.equal(await status('/o/mirror/large-2000000'), 404);
  assert.deepEqual(await readdir(join(site.dir, 'store', 'staging')), []);
});

test('an object of more than half of the bound is kept once it was fetched', async () => {
  upstream.asked.length = 0;
  for (let time = 0; time < 3; time++) {
    await right('half-600000');
    await setTimeout(100);
  }
  assert.deepEqual(upstream.asked, ['GET /half-600000']);
});

test('objects of lengths that nobody says are kept within the bound, too', async () => {
  for (let i = 0; i < 8; i++) await right(`chunked-${i}-300000`);
  await until(usage, ({ bytes }) => bytes <= 1_000_000, 'the bound holds');
});

test('a bucket with a quota evicts, and refuses nobody', async () => {
  await reload();
  const set = (quota: object) =>
    fetch(`${server.control}/buckets/set`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'mirror', quota, yes: true }),
    });
  assert.equal((await set({ bytes: 500_000 })).status, 200);
  for (let i = 0; i < 8; i++) await right(`quota-${i}-200000`);
  assert.ok((await usage()).bytes <= 500_000);
  await right('quota-700000');
  assert.equal((await set({ bytes: 'none' })).status, 200);
  await reload(1_000_000);
});

test('an object that is evicted while it is read stays readable to its end', async () => {
  await reload(9_000_000);
  await right('read-8000000');
  const slow = server.curl('/m/read-8000000', '--limit-rate', '4M');
  await setTimeout(300);
  for (let i = 0; i < 6; i++) await right(`next-${i}-2000000`);
  assert.equal(await status('/o/mirror/read-8000000'), 404);
  assert.ok((await slow).body.equals(bodyOf('/read-8000000')));
});

test('a kill in the middle of an eviction loses nothing else, and the next start goes on', async () => {
  await reload();
  const paths = Array.from({ length: 1000 }, (_, i) => `kill-${i}-2000`);
  const config = join(site.dir, 'many');
  await writeFile(
    config,
    paths.map((path) => `url = ${server.urls[1]}/m/${path}\noutput = /dev/null\n`).join(''),
  );
  await server.curl('/m/kill-0-2000', '-Z', '-K', config);
  await bound(100_000);
  const evicts = () => server.metric('sealgate_mirror_evicted_objects_total{bucket="mirror"}');
  const before = await evicts();
  void fetch(`${server.control}/reload`, { method: 'POST' }).catch(() => {});
  const begun = await until(evicts, (count) => count > before, 'an eviction has begun');
  assert.ok(begun - before < 900, 'and has not ended');
  await server.stop('SIGKILL');
  await start();
  await until(usage, ({ bytes }) => bytes <= 100_000, 'the next start goes on');
  await ours();
  for (const path of paths.slice(0, 5)) await right(path);
  const { status: verified, stdout } = await outcome(spawnCli(['verify', '--config', site.config]));
  assert.equal(verified, 0, stdout);
});

test('a server that replaces another one keeps the bound', async () => {
  const old = server;
  for (let i = 0; i < 10; i++) await right(`before-${i}-20000`);
  await start('--replace');
  assert.equal(await old.ended(), 0);
  for (let i = 0; i < 10; i++) await right(`after-${i}-20000`);
  assert.equal(await status('/o/mirror/before-0-20000'), 404);
  assert.ok((await usage()).bytes <= 100_000);
  await ours();
});
