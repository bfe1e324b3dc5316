// The scrubber of a running server: a disk that changed below a blob which is delivered from memory is found,
// the blob is withdrawn on every worker, and whoever operates the server hears of it.

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { mountImage } from '../support/small_disk.ts';
import { sha256 } from '../support/store.ts';
import { until } from '../support/wait.ts';

const disk = await mountImage(64);
const skip = typeof disk === 'string' ? disk : false;
const soon = { periodDays: 1e-5 };
const site = await createSite({ scrub: soon, sentinel: { intervalSeconds: 0 } });
after(async () => {
  await site.remove();
  if (typeof disk !== 'string') await disk.remove();
});

test('bytes that changed on the disk and not in memory: withdrawn, though it is hot', { skip }, async () => {
  assert.ok(typeof disk !== 'string');
  const server = await TestServer.start(site, '--workers', '2', '--store', join(disk.dir, 'store'));
  const hot = Buffer.alloc(200_000, 'hot bytes of this test alone. ');
  const file = join(site.dir, 'hot');
  await writeFile(file, hot);
  assert.equal((await server.put('/o/files/hot', file)).status, 201);
  const get = async () => (await server.curl('/o/files/hot')).status;
  // Every worker keeps a plan.
  for (let i = 0; i < 20; i++) assert.equal(await get(), 200);

  disk.change(hot.subarray(0, 4096));
  assert.equal(sha256(await readFile(join(disk.dir, 'store/blobs/sha256', path(sha256(hot))))), sha256(hot));
  await until(get, (status) => status === 500, 'the blob is withdrawn');
  for (let i = 0; i < 20; i++) assert.equal(await get(), 500);

  const findings = 'sealgate_scrub_findings_total{state="damaged"}';
  assert.equal(await server.metric(findings), 1);
  assert.equal(await server.metric('sealgate_blobs_withdrawn_total'), 1);
  assert.match(server.log(), /scrub: damaged/);
  const ask = async (view: string) => (await fetch(`${server.control}${view}`)).json();
  const { entries } = await ask('/audit');
  const [entry] = entries.filter(({ who }: { who: string }) => who === 'scrub');
  assert.deepEqual([entry.action, entry.digest], ['blob-withdraw', sha256(hot)]);
  const { scrub } = await ask('/status');
  assert.ok(['reading', 'waiting'].includes(scrub.state));
  assert.equal((await server.put('/o/files/hot', file)).status, 200);
  assert.equal(await get(), 200);
  assert.equal(await server.stop(), 0);
});

test('a missing blob: a symptom and a metric while it is, and passes go on', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  const file = join(site.dir, 'gone');
  await writeFile(file, 'gone');
  assert.equal((await server.put('/o/files/gone', file)).status, 201);
  const blob = join(site.dir, 'store/blobs/sha256', path(sha256('gone')));
  await rm(blob);
  const names = async () => {
    const { symptoms } = await (await fetch(`${server.control}/diagnosis`)).json();
    return symptoms.map(({ name }: { name: string }) => name);
  };
  await until(names, (found) => found.includes('blobs-missing'), 'the symptom');
  assert.equal(await server.metric('sealgate_scrub_standing_faults{state="missing"}'), 1);
  assert.equal((await server.put('/o/files/gone', file)).status, 200);
  await until(names, (found) => !found.includes('blobs-missing'), 'the symptom is gone');
  assert.equal(await server.stop(), 0);
});

test('scrub.periodDays 0: nothing is read, and the status has no scrub', async () => {
  const off = await createSite({ scrub: { periodDays: 0 } });
  const server = await TestServer.start(off, '--workers', '1');
  const status = await (await fetch(`${server.control}/status`)).json();
  assert.equal(status.scrub, undefined);
  assert.equal(await server.metric('sealgate_quarantine_limit_bytes'), 16 * 2 ** 30);
  assert.equal(await server.stop(), 0);
  await off.remove();
});

function path(digest: string): string {
  return join(digest.slice(0, 2), digest.slice(2, 4), digest);
}
