// Ranges of a large file by way of caches: one that has the file serves them from it, nginx also by slices
// that it fetches one by one, and HEAD tells the length.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { until } from '../support/wait.ts';
import { Origin } from './origin.ts';

const size = 300_000;
const bytes = randomBytes(size);
const rows = Array.from({ length: 20_000 }, (_, i) => `row ${i} of ${i % 7}\n`).join('');
const files = { 'video.mp4': bytes, 'sliced/video.mp4': bytes, 'sliced/rows.csv': rows };
const origin = await Origin.start(files, [
  { host: 'www.test', bucket: 'web', compress: true, caching: [{ match: '/**', maxAge: 600 }] },
]);
const caches = await origin.caches();
after(() => origin.stop());
const host = 'Host: www.test';

function assertPart(
  answer: { status: number; headers: Map<string, string>; body: Buffer },
  from: number,
  to: number,
) {
  assert.equal(answer.status, 206);
  assert.equal(answer.headers.get('content-range'), `bytes ${from}-${to}/${size}`);
  assert.ok(answer.body.equals(bytes.subarray(from, to + 1)));
}

for (const cache of caches.filter(({ name }) => name !== 'haproxy')) {
  test(`${cache.name}: ranges of a stored file come from the cache; one behind its end is 416`, async () => {
    assert.ok((await cache.get('/video.mp4', host)).body.equals(bytes));
    assertPart(await cache.get('/video.mp4', host, 'Range: bytes=0-99'), 0, 99);
    assertPart(await cache.get('/video.mp4', host, 'Range: bytes=100000-'), 100_000, size - 1);
    assertPart(await cache.get('/video.mp4', host, 'Range: bytes=-10'), size - 10, size - 1);
    assert.equal((await cache.get('/video.mp4', host, `Range: bytes=${size}-`)).status, 416);
    const head = await cache.ask('HEAD', '/video.mp4', host);
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, `${size}`]);
    const asked = await origin.askedBy(cache);
    assert.equal(asked.length, 1, JSON.stringify(asked));
  });

  test(`${cache.name}: If-Range with the entity tag is a part, with another all of the file`, async () => {
    const { headers } = await cache.ask('HEAD', '/video.mp4', host);
    const part = ['Range: bytes=0-99', `If-Range: ${headers.get('etag')}`];
    assertPart(await cache.get('/video.mp4', host, ...part), 0, 99);
    const whole = await cache.get('/video.mp4', host, 'Range: bytes=0-99', 'If-Range: "other"');
    assert.deepEqual([whole.status, whole.body.length], [200, size]);
  });
}

test('haproxy: a range of a file that it has not stored passes through', async () => {
  const haproxy = caches.find(({ name }) => name === 'haproxy') ?? assert.fail();
  assertPart(await haproxy.get('/video.mp4', host, 'Range: bytes=10-99'), 10, 99);
  assert.equal((await haproxy.get('/video.mp4', host)).body.length, size);
  assertPart(await haproxy.get('/sliced/video.mp4', host, 'Range: bytes=10-99'), 10, 99);
  const head = await haproxy.ask('HEAD', '/video.mp4', host);
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, `${size}`]);
});

test('nginx with slices: a range fetches the slices that hold it, and each of them once', async () => {
  const nginx = caches.find(({ name }) => name === 'nginx') ?? assert.fail();
  const target = '/sliced/video.mp4';
  const slicesOf = async () => (await origin.askedBy(nginx)).filter((line) => line.target === target);
  assertPart(await nginx.get(target, host, 'Range: bytes=70000-140000'), 70_000, 140_000);
  const slices = ['bytes=65536-131071', 'bytes=131072-196607'];
  assert.deepEqual(
    (await slicesOf()).map(({ range, status }) => [range, status]),
    slices.map((range) => [range, 206]),
  );
  assertPart(await nginx.get(target, host, 'Range: bytes=80000-130000'), 80_000, 130_000);
  assert.equal((await slicesOf()).length, 2);
  assert.ok((await nginx.get(target, host)).body.equals(bytes));
  assert.equal((await slicesOf()).length, 5);
});

test('nginx with slices: a file that is coded after its first slice was fetched is sent whole', async () => {
  const nginx = caches.find(({ name }) => name === 'nginx') ?? assert.fail();
  const [target, accepts] = ['/sliced/rows.csv', 'Accept-Encoding: br'];
  const begin = await nginx.get(target, host, accepts, 'Range: bytes=0-99');
  assert.equal(begin.body.toString(), rows.slice(0, 100));
  await until(
    () => origin.server.curl(target, '-H', host, '-H', accepts),
    ({ headers }) => headers.get('content-encoding') === 'br',
    `${target} in br`,
  );
  assert.equal((await nginx.get(target, host, accepts)).body.toString(), rows);
});
