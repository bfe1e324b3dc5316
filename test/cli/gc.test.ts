// gc and why: through a running server and on a store at rest; the bytes of overwritten objects are freed,
// transfers and kept plans of others are not disturbed.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';
import { until } from '../support/wait.ts';

const gc = { intervalSeconds: 0, graceSeconds: 0 };
const site = await createSite({ sentinel: { intervalSeconds: 0 }, gc });
const root = join(site.dir, 'store');
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
let server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const large = (text: string) => Buffer.alloc(300_000, text);
const file = join(site.dir, 'file');
const isThere = (bytes: Buffer) => existsSync(blobPath(root, sha256(bytes)));

async function put(path: string, bytes: Buffer): Promise<void> {
  await writeFile(file, bytes);
  assert.ok([200, 201].includes((await server.put(path, file)).status));
}

async function openFiles(bytes: Buffer): Promise<number> {
  const folder = `/proc/${server.pid}/fd`;
  const links = await readdir(folder);
  const paths = await Promise.all(links.map((link) => readlink(join(folder, link)).catch(() => '')));
  return paths.filter((path) => path.includes(sha256(bytes))).length;
}

test('a bucket keeps no versions once it is told so, which is in the audit log', async () => {
  await cli('bucket', 'create', 'pages', '--kind', 'versioned');
  assert.equal(
    await cli('bucket', 'set', 'pages', '--keep-versions', '0'),
    'pages keeps no older versions\n',
  );
  assert.match(await cli('bucket', 'ls'), /^versioned {3}pages {2}keeps no older versions$/m);
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  assert.match(audit, /"action":"bucket-set"[^\n]*"bucket":"pages"/);
});

test('beside a server: what nothing keeps is gone, files that plans kept open too', async () => {
  await put('/o/pages/a', large('first '));
  for (let i = 0; i < 8; i++) await server.curl('/o/pages/a');
  for (let i = 0; i < 8; i++) await server.curl(`/sha256/${sha256(large('first '))}`);
  assert.ok((await openFiles(large('first '))) > 0);
  await put('/o/pages/a', large('second '));
  assert.match(
    await cli('why', sha256(large('first '))),
    /pages\/a version 1, since .*; an older one, which may/,
  );
  const dry = await cli('gc', '--dry-run');
  assert.match(dry, /^1 older versions and 1 blobs would be removed, 293.0 KiB\n$/);
  assert.ok(isThere(large('first ')));
  assert.match(await cli('gc'), /^1 older versions and 1 blobs removed, 293.0 KiB\n$/);
  assert.equal(isThere(large('first ')), false);
  assert.equal(await openFiles(large('first ')), 0);
  assert.equal((await server.curl(`/sha256/${sha256(large('first '))}`)).status, 404);
  assert.ok((await server.curl('/o/pages/a')).body.equals(large('second ')));
  assert.equal(await server.metric('sealgate_collected_blobs_total'), 1);
  assert.equal(await server.metric('sealgate_collected_bytes_total'), 300_000);
  const { collection } = (await (await fetch(`${server.control}/status`)).json()) as {
    collection: { freed: unknown };
  };
  assert.deepEqual(collection.freed, { blobs: 1, bytes: 300_000 });
  assert.match(server.log(), /"blobs":1,[^\n]*"msg":"collected"/);
});

test('a blob that is being delivered goes on being delivered while it is collected', async () => {
  const bytes = Buffer.alloc(8_000_000, 'delivered ');
  await put('/o/pages/slow', bytes);
  const slow = server.curl('/o/pages/slow', '--limit-rate', '4M');
  await until(
    () => openFiles(bytes),
    (count) => count > 0,
    'the delivery',
  );
  await put('/o/pages/slow', large('other '));
  await cli('gc');
  assert.equal(isThere(bytes), false);
  const { status, body } = await slow;
  assert.equal(status, 200);
  assert.ok(body.equals(bytes));
});

test('why says what keeps bytes: names, an upload by digest, nothing', async () => {
  await put('/o/files/kept', large('kept '));
  const said = await cli('why', 'files/kept');
  assert.match(
    said,
    /^sha256:[0-9a-f]{64} stored\n {2}files\/kept version 1, since 20[^\n]*Z; the newest\n$/,
  );
  await writeFile(file, 'by digest');
  await server.put(`/sha256/${sha256('by digest')}`, file);
  assert.match(await cli('why', sha256('by digest')), /stored by its digest, since .*; kept until it is/);
  const { status, stderr } = await outcome(spawnCli(['why', '0'.repeat(64), '--config', site.config]));
  assert.deepEqual([status, stderr], [1, `sealgate: sha256:${'0'.repeat(64)}: there is no such blob\n`]);
});

test('gc works on a store without a server', async () => {
  await put('/o/pages/rest', large('rest 1 '));
  await put('/o/pages/rest', large('rest 2 '));
  await server.stop();
  assert.match(
    await cli('gc', '--dry-run', '--json'),
    /^\{"dryRun":true,"versions":1,"blobs":1,"bytes":300000,/,
  );
  assert.match(await cli('gc'), /^1 older versions and 1 blobs removed/);
  assert.equal(isThere(large('rest 1 ')), false);
  server = await TestServer.start(site, '--workers', '1');
  assert.ok((await server.curl('/o/pages/rest')).body.equals(large('rest 2 ')));
});

test('a server collects by itself every gc.intervalSeconds', async () => {
  await server.stop();
  const settings = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...settings, gc: { ...gc, intervalSeconds: 0.2 } }));
  server = await TestServer.start(site, '--workers', '1');
  await put('/o/pages/itself', large('itself 1 '));
  await put('/o/pages/itself', large('itself 2 '));
  await until(
    () => isThere(large('itself 1 ')),
    (there) => !there,
    'the collection',
  );
  assert.ok((await server.curl('/o/pages/itself')).body.equals(large('itself 2 ')));
});
