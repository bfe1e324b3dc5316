// Objects that are too large for one request reach a real Ceph in parts. What is large is said here: the
// sizes of S3 would take minutes.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { upstreamsSchema } from '../../../src/config/upstreams.ts';
import { Fetcher } from '../../../src/upstream/fetcher.ts';
import { Tier } from '../../../src/upstream/tier.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import { Ceph, s3Keys } from '../../support/ceph.ts';
import { temporaryFolder } from '../../support/store.ts';

const MiB = 2 ** 20;
const ceph = await Ceph.start();
const dir = await temporaryFolder();
const keys = { accessKey: join(dir, 'access'), secretKey: join(dir, 'secret') };
for (const which of ['accessKey', 'secretKey'] as const)
  await writeFile(keys[which], s3Keys[which], { mode: 0o600 });
const s3 = { bucket: 'sealgate', region: s3Keys.region, ...keys };
const { tier: config } = upstreamsSchema.parse({ tier: { url: ceph.url(), s3, attempts: 1 } });
assert.ok(config);
const fetcher = new Fetcher();
const upstream = new Upstream('tier', config, fetcher, pino({ level: 'silent' }));
const tier = new Tier(upstream, { atOnce: 6 * MiB, part: 5 * MiB });
after(async () => {
  await fetcher.close();
  await ceph.end();
  await rm(dir, { recursive: true });
});

const bytes = randomBytes(12 * MiB);
const path = join(dir, 'large');
await writeFile(path, bytes);
const digest = createHash('sha256').update(bytes).digest('hex');
const unfinished = async () => (await ceph.ask('GET', '?uploads')).body.match(/<UploadId>/g)?.length ?? 0;
const there = async (hex: string) => (await ceph.ask('HEAD', `sha256/${hex}`)).status;

test('three parts become the object, and what is there is not sent again', async () => {
  await tier.keep({ digest, size: bytes.length, path });
  const { etag = '' } = await ceph.ask('HEAD', `sha256/${digest}`);
  assert.match(etag, /-3"$/);
  assert.deepEqual(await unfinished(), 0);
  const before = upstream.counters()['upstream_fetches.tier/answered'] ?? 0;
  await tier.keep({ digest, size: bytes.length, path });
  assert.equal(upstream.counters()['upstream_fetches.tier/answered'], before + 2);
});

test('a file with other bytes than its digest is not put together, and leaves no upload', async () => {
  const other = '1'.repeat(64);
  await assert.rejects(tier.keep({ digest: other, size: bytes.length, path }), { code: 'sharing-failed' });
  assert.deepEqual([await there(other), await unfinished()], [404, 0]);
});

test('a file that ends too early leaves no upload', async () => {
  const short = '2'.repeat(64);
  await assert.rejects(tier.keep({ digest: short, size: 40 * MiB, path }), { code: 'sharing-failed' });
  assert.deepEqual([await there(short), await unfinished()], [404, 0]);
});
