// One name is overwritten and read over and over on a server that collects: what it held before gives its
// bytes, its records and the server's descriptors back. OVERWRITES says how often; `make leaks` does it a
// hundred thousand times, and bounds the disk meanwhile.

import assert from 'node:assert/strict';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Metadata } from '../../../src/store/metadata.ts';
import { tables } from '../../../src/store/records.ts';
import { digestsBelow } from '../../../src/store/stray_files.ts';
import { runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { sha256 } from '../../support/store.ts';
import { until } from '../../support/wait.ts';

const overwrites = Number(process.env.OVERWRITES ?? 2000);
const isLong = overwrites > 10_000;
const writers = 4;
/** Bytes of an object. */
const size = 4096;
const graceSeconds = 2;
/** Milliseconds for which the end of the collection is waited for. */
const patience = 180_000;
const mebi = 1024 * 1024;
/** Bytes that the metadata have ahead of what is in them, and of the records of a version. */
const ahead = 24 * mebi;
const recordBytes = 1024;
/** Bytes of the journal from which on it is written anew, and more for what comes meanwhile. */
const journalBytes = 8 * mebi + 8 * mebi;

const gc = { graceSeconds, intervalSeconds: 0.5, blobsPerSecond: 100_000 };
const site = await createSite({ buckets: { pages: 'versioned' }, gc });
const root = join(site.dir, 'store');
await runCli('bucket', 'create', '--kind', 'versioned', 'pages', '--config', site.config);
await runCli('bucket', 'set', 'pages', '--keep-versions', '0', '--config', site.config);
let server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const ca = await readFile(site.certificate);
const agent = new Agent({ keepAlive: true, maxSockets: writers + 1, ca });

function ask(method: string, body?: Buffer): Promise<{ status: number; body: Buffer }> {
  const headers = { authorization: `Bearer ${site.token}` };
  return new Promise((resolve, reject) => {
    const asked = request(`${server.url}/o/pages/page`, { method, agent, headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }));
      response.on('error', reject);
    });
    asked.on('error', reject).end(body);
  });
}

function bytesOf(number: number): Buffer {
  return Buffer.alloc(size, `page ${number} `);
}

async function blobsThere(): Promise<string[]> {
  const found: string[] = [];
  for await (const digest of digestsBelow(root)) found.push(digest);
  return found;
}

/** Files of blobs that the server has open though they are removed. */
async function openRemoved(): Promise<string[]> {
  const folder = `/proc/${server.pid}/fd`;
  const targets = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')),
  );
  return targets.filter((target) => /\/blobs\/sha256\/.* \(deleted\)$/.test(target));
}

/** Bytes on disk of a file below the store. */
async function onDisk(path: string): Promise<number> {
  return (await stat(join(root, path))).blocks * 512;
}

let done = 0;
const most = { blobs: 0, open: 0, meta: 0, journal: 0, perSecond: 0 };

async function sample(): Promise<void> {
  most.blobs = Math.max(most.blobs, (await blobsThere()).length);
  most.open = Math.max(most.open, (await openRemoved()).length);
  most.meta = Math.max(most.meta, await onDisk('meta/data.mdb'));
  most.journal = Math.max(most.journal, await onDisk('journal'));
}

test(`${overwrites} overwrites of one name, which is read meanwhile`, async () => {
  let next = 0;
  let ends = false;
  const writing = async () => {
    while (next < overwrites) {
      const { status } = await ask('PUT', bytesOf(next++));
      assert.ok([200, 201, 204].includes(status), `${status}\n${server.log()}`);
      done++;
    }
  };
  const reading = async () => {
    while (!ends) {
      const { status, body } = await ask('GET');
      assert.ok(
        status === 404 || (status === 200 && body.length === size),
        `${status}, ${body.length} bytes`,
      );
    }
  };
  const sampling = async () => {
    while (!ends) {
      const [before, began] = [done, performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 500));
      most.perSecond = Math.max(most.perSecond, ((done - before) * 1000) / (performance.now() - began));
      await sample();
    }
  };
  const beside = [reading(), sampling()];
  await Promise.all(Array.from({ length: writers }, writing));
  ends = true;
  await Promise.all(beside);
});

test('once the grace time is over, the bytes of the last are there and no others', async (t) => {
  const last = sha256((await ask('GET')).body);
  await until(blobsThere, (there) => there.length === 1, 'the blobs that are there', patience);
  assert.deepEqual(await blobsThere(), [last]);
  await until(openRemoved, (open) => open.length === 0, 'removed files that the server has open', patience);
  await sample();
  t.diagnostic?.(`${overwrites} overwrites; most at a time: ${JSON.stringify(most)}`);
});

if (isLong)
  test('the disk had at most twice what is live and what the grace time keeps', () => {
    const kept = most.perSecond * (graceSeconds + gc.intervalSeconds);
    assert.ok(most.blobs <= 2 * (1 + kept), `${most.blobs} blobs, where the grace time keeps ${kept}`);
    assert.ok(most.meta <= ahead + 2 * kept * recordBytes, `${most.meta} bytes of metadata`);
    assert.ok(most.journal <= journalBytes + 4 * kept * recordBytes, `${most.journal} bytes of journal`);
  });

test('the metadata have the records of one version, and the journal is short', async () => {
  await server.stop();
  const meta = await Metadata.reader(root);
  const counts = Object.fromEntries(tables.map((table) => [table, [...meta.range(table)].length]));
  await meta.close();
  assert.deepEqual([counts.blobs, counts.refs, counts.holds], [1, 1, 1], JSON.stringify(counts));
  assert.ok((await onDisk('journal')) <= journalBytes, 'bytes of the journal');
  server = await TestServer.start(site, '--workers', '1');
  assert.equal((await ask('GET')).status, 200);
});
