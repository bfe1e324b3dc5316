// HTTP/2 over kernel TLS: bodies go from the file to the kernel frame by frame, beside others that are
// gathered, and arrive as they were stored.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { outcome } from '../support/runtime.ts';
import type { Site, TestServer } from '../support/server.ts';
import { sample, startServer } from './support.ts';

const size = 20 * 2 ** 20;
let site: Site;
let server: TestServer;
let large: Awaited<ReturnType<typeof sample>>;
let small: Awaited<ReturnType<typeof sample>>;

before(async () => {
  ({ site, server } = await startServer('ktls-tx'));
  large = await sample(site, server, 'large.bin', size);
  small = await sample(site, server, 'small.bin', 1000);
});
after(async () => {
  await server.stop();
  await site.remove();
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const bySendfile = () => server.metric('sealgate_sent_bytes_total{delivery="ktls-sendfile"}');

test('a large object: by sendfile, unchanged', async () => {
  const earlier = await bySendfile();
  const { status, body } = await server.curl(large.path, '--http2');
  assert.equal(status, 200);
  assert.equal(digest(body), large.digest);
  assert.ok((await bySendfile()) - earlier >= size);
});

test('two ranges of it: parts from memory between slices of the file', async () => {
  const { status, body } = await server.curl(large.path, '--http2', '-r', '5-1000004,9000000-9999999');
  assert.equal(status, 206);
  assert.ok(body.includes(large.bytes.subarray(5, 1_000_005)));
  assert.ok(body.includes(large.bytes.subarray(9_000_000, 10_000_000)));
});

test('large and small objects on one connection at once: all unchanged', async () => {
  const names = Array.from({ length: 8 }, (_, n) => join(site.dir, `got-${n}`));
  const wanted = names.map((_, n) => (n % 2 === 0 ? large : small));
  const urls = names.flatMap((name, n) => ['-o', name, server.url + wanted[n]?.path]);
  const flags = [
    '-sS',
    '--no-progress-meter',
    '--http2',
    '--parallel',
    '--max-time',
    '200',
    '--cacert',
    site.certificate,
  ];
  const { status } = await outcome(spawn('curl', [...flags, ...urls], { stdio: 'inherit' }));
  assert.equal(status, 0);
  const sums = await outcome(spawn('sha256sum', names, { stdio: ['ignore', 'pipe', 'inherit'] }));
  const got = sums.stdout.trim().split('\n');
  assert.deepEqual(
    got.map((line) => line.slice(0, 64)),
    wanted.map((each) => each.digest),
  );
});
