// Digests besides SHA-256, over real connections and by the commands: computed while a body arrives, kept by
// export and import, and told by every answer about the bytes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';

const site = await createSite({ buckets: { files: 'write-once', live: 'versioned' } });
const other = await createSite();
const server = await TestServer.start(site, '--workers', '1');
let isRunning = true;
const stop = async () => {
  if (isRunning) await server.stop();
  isRunning = false;
};
after(async () => {
  await stop();
  await site.remove();
  await other.remove();
});

const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const token = join(site.dir, 'token');
await writeFile(token, site.token, { mode: 0o600 });
const bytes = Buffer.alloc(1024 * 1024 + 17, 'digests ');
const file = join(site.dir, 'file');
await writeFile(file, bytes);
const hashed = (name: string, as: 'base64' | 'hex', of = bytes) => createHash(name).update(of).digest(as);
const shown = async (...args: string[]) => JSON.parse(await cli(...args, '--json'));

for (const [framing, ...how] of [['length'], ['chunks', '-H', 'Transfer-Encoding: chunked']]) {
  test(`a body with ${framing} and another MD5 is 422; with its own it is stored`, async () => {
    const path = `/o/files/${framing}`;
    const wrong = await server.put(path, file, ...how, '-H', 'Content-MD5: kAFQmDzST7DWlj99KOF/cg==');
    assert.deepEqual([wrong.status, JSON.parse(wrong.body.toString()).title], [422, 'digest-mismatch']);
    assert.equal((await server.curl(path)).status, 404);
    const right = await server.put(path, file, ...how, '-H', `Content-MD5: ${hashed('md5', 'base64')}`);
    assert.equal(right.status, 201);
    assert.equal(JSON.parse(right.body.toString()).digests.md5, hashed('md5', 'hex'));
  });
}

test('bucket set --digests: told, listed and on record; a name that is none is refused', async () => {
  const set = await cli('bucket', 'set', 'live', '--digests', 'sha512,md5');
  assert.equal(set, 'live keeps all older versions; computes md5, sha512\n');
  assert.match(await cli('bucket', 'ls'), /^versioned {3}live {2}computes md5, sha512$/m);
  assert.match(await cli('bucket', 'ls', '--json'), /"name":"live"[^\n]*"digests":\["md5","sha512"\]/);
  const refused = await outcome(
    spawnCli(['bucket', 'set', 'live', '--digests', 'md4', '--config', site.config]),
  );
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /--digests: expected some of md5, sha1, .* with commas between, or none, got/);
});

const reprDigest = [
  `sha-256=:${hashed('sha256', 'base64')}:`,
  `md5=:${hashed('md5', 'base64')}:`,
  `sha-512=:${hashed('sha512', 'base64')}:`,
].join(', ');

test('an upload to such a bucket: GET, HEAD, a range and 304 tell all of its digests', async () => {
  const made = await server.put('/o/live/a', file);
  assert.equal(made.headers.get('repr-digest'), reprDigest);
  const etag = made.headers.get('etag') ?? '';
  const asks: [status: number, ...args: string[]][] = [
    [200],
    [200],
    [200, '-I'],
    [206, '-H', 'Range: bytes=0-9'],
    [304, '-H', `If-None-Match: ${etag}`],
  ];
  for (const [status, ...args] of asks) {
    const answer = await server.curl('/o/live/a', ...args);
    assert.deepEqual([answer.status, answer.headers.get('repr-digest')], [status, reprDigest]);
  }
});

const expected = { md5: hashed('md5', 'hex'), sha512: hashed('sha512', 'hex') };

test('stat shows them, in the store and through a server, and so does ls --json', async () => {
  assert.match(await cli('stat', 'live/a'), new RegExp(`\n {2}md5 +${expected.md5}\n {2}sha512 +`));
  for (const line of [
    await shown('stat', 'live/a'),
    await shown('stat', 'live/a', '--server', server.url, '--cacert', site.certificate),
    await shown('ls', 'live/a'),
    await shown('versions', 'live/a'),
  ])
    assert.deepEqual(line.digests, expected);
});

test('cp and import through the server record them', async () => {
  const by = ['--token-file', token];
  await cli('cp', 'live/a', 'files/copied', ...by);
  assert.deepEqual((await shown('stat', 'files/copied')).digests, expected);
  await cli('export', 'live', join(site.dir, 'out'));
  assert.match(
    await readFile(join(site.dir, 'out/.sealgate-export.jsonl'), 'utf8'),
    /"sha512":"[0-9a-f]{128}"/,
  );
  await cli('import', join(site.dir, 'out'), '--bucket', 'files', '--prefix', 'back/', ...by);
  assert.deepEqual((await shown('stat', 'files/back/a')).digests, expected);
});

test('import of an export: digests of its manifest are computed, compared and recorded', async () => {
  const there = ['--bucket', 'files', '--config', other.config];
  await runCli('import', join(site.dir, 'out'), ...there);
  const stat = await runCli('stat', 'files/a', '--json', '--config', other.config);
  assert.deepEqual(JSON.parse(stat).digests, expected);
  const manifest = join(site.dir, 'out/.sealgate-export.jsonl');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replace(expected.md5, '900150983cd24fb0d6963f7d28e17f72'));
  const import_ = ['import', join(site.dir, 'out'), '--prefix', 'wrong/', ...there];
  const refused = await outcome(spawnCli(import_));
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    new RegExp(`has MD5 ${expected.md5}, and the manifest of the export says 9001`),
  );
});

test('put and import into a store at rest compute what the bucket wants', async () => {
  await stop();
  await mkdir(join(site.dir, 'plain'));
  await writeFile(join(site.dir, 'plain/small'), 'small');
  await copyFile(file, join(site.dir, 'plain/a'));
  await cli('put', join(site.dir, 'plain/small'), 'live/small');
  const md5 = hashed('md5', 'hex', Buffer.from('small'));
  assert.equal((await shown('stat', 'live/small')).digests.md5, md5);
  await cli('cp', 'live/small', 'live/copy');
  assert.equal((await shown('stat', 'live/copy')).digests.md5, md5);
  await cli('import', join(site.dir, 'plain'), '--bucket', 'live', '--prefix', 'tree/');
  assert.deepEqual((await shown('stat', 'live/tree/a')).digests, expected);
  assert.equal((await shown('stat', 'live/tree/small')).digests.md5, md5);
});

test('import after another --digests: files that lack one are read again, once', async () => {
  const again = () => cli('import', join(site.dir, 'plain'), '--bucket', 'live', '--prefix', 'tree/');
  assert.match(await again(), /^0 files imported/);
  await cli('bucket', 'set', 'live', '--digests', 'crc64nvme,md5');
  assert.match(await again(), /^2 files imported/);
  const { digests, version } = await shown('stat', 'live/tree/small');
  assert.deepEqual([Object.keys(digests).sort(), version], [['crc64nvme', 'md5', 'sha512'], 2]);
  assert.match(await again(), /^0 files imported/);
});
