// Uploads in several requests, whose server is killed, replaced or started on another day.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../../src/native/addon.ts';
import { assertProblem } from '../../support/problem.ts';
import { createSite, freePort, type Site, TestServer } from '../../support/server.ts';
import { sha256 } from '../../support/store.ts';
import { offsetOf, TusRequests, uploadSizes } from '../../support/tus.ts';
import { until } from '../../support/wait.ts';

const body = randomBytes(3_000_000);

interface Served {
  site: Site;
  requests: TusRequests;
  server(): TestServer;
  start(...args: string[]): Promise<TestServer>;
  stored(name: string): Promise<Buffer>;
}

async function serve(settings: object = {}): Promise<Served> {
  const site = await createSite({
    buckets: { many: 'versioned' },
    auth: { reads: 'open' },
    sites: [{ path: '/', protocol: 'objects', resumableUploads: {} }],
    ...settings,
  });
  const started: TestServer[] = [];
  after(async () => {
    for (const server of started) await server.stop('SIGKILL');
    await site.remove();
  });
  const url = `http://127.0.0.1:${await freePort()}`;
  const start = async (...args: string[]) => {
    const server = await TestServer.start(site, '--workers', '2', '--listen', url, ...args);
    started.push(server);
    return server;
  };
  await start();
  const requests = new TusRequests(() => url, site);
  const stored = async (name: string) => {
    const found = await requests.ask('GET', `/o/many/${name}`, []);
    assert.equal(found.status, 200, found.body.toString());
    return found.body;
  };
  return { site, requests, server: () => started.at(-1) as TestServer, start, stored };
}

const digests = (bytes: Buffer) => [
  `X-Checksum-Sha256: ${sha256(bytes)}`,
  `Content-MD5: ${createHash('md5').update(bytes).digest('base64')}`,
];

/** The record and the data of the one upload that is there. */
async function onlyUpload({ dir }: Site): Promise<{ record: string; data: string }> {
  const folder = join(dir, 'store', 'uploads');
  const [id = '', ...more] = await readdir(folder);
  assert.deepEqual(more, []);
  return { record: join(folder, id, 'record'), data: join(folder, id, 'data') };
}
async function change({ record }: { record: string }, about: object): Promise<void> {
  await writeFile(record, JSON.stringify({ ...JSON.parse(await readFile(record, 'utf8')), ...about }));
}

test('SIGKILL between two requests, and during one: the upload goes on, with all that came', async () => {
  const { requests, server, start, stored } = await serve();
  const type = `filetype ${Buffer.from('text/css').toString('base64')}`;
  const said = [`Upload-Length: ${body.length}`, `Upload-Metadata: ${type}`, ...digests(body)];
  const at = await requests.begin('/o/many/killed', ...said, 'Cache-Control: max-age=7');
  assert.equal(offsetOf(await requests.patch(at, 0, body.subarray(0, 1000))), 1000);
  await server().stop('SIGKILL');
  await start();
  const again = await requests.state(at);
  assert.deepEqual([offsetOf(again), again.headers.get('upload-metadata')], [1000, type]);
  assert.equal(await server().metric('sealgate_resumable_uploads'), 1);
  assert.equal(await server().metric('sealgate_resumable_upload_bytes'), 1000);
  const wire = await requests.unfinished(at, 1000, body.length - 1000, body.subarray(1000, 2_000_000));
  const there = await until(
    async () => offsetOf(await requests.state(at)),
    (offset) => offset > 1000,
    'bytes of the request',
  );
  await server().stop('SIGKILL');
  wire.close();
  await start();
  const offset = offsetOf(await requests.state(at));
  assert.ok(offset >= there && offset <= 2_000_000, `${offset} is not between ${there} and 2000000`);
  assert.equal((await requests.patch(at, offset, body.subarray(offset))).status, 204);
  const made = await requests.ask('GET', '/o/many/killed', []);
  assert.equal(sha256(made.body), sha256(body));
  assert.equal(await server().metric('sealgate_resumable_uploads'), 0);
  assert.equal(await server().metric('sealgate_resumable_uploads_resumed_total'), 1);
  assert.equal(made.headers.get('content-type'), 'text/css');
  assert.equal(made.headers.get('cache-control'), 'max-age=7');
  await server().stop('SIGKILL');
  await start();
  assert.equal(offsetOf(await requests.state(at)), body.length, 'it is whole also for the next process');
  assert.equal((await requests.patch(at, body.length, '')).status, 204);
  assert.equal(sha256(await stored('killed')), sha256(body));
});

test('the machine failed: what was told counts, and what was not synced is cut off', async () => {
  const { site, requests, server, start, stored } = await serve();
  const at = await requests.begin('/o/many/machine', `Upload-Length: ${body.length}`, ...digests(body));
  await requests.patch(at, 0, body.subarray(0, 700_000));
  await server().stop('SIGKILL');
  const upload = await onlyUpload(site);
  assert.equal((await stat(upload.data)).mode & 0o777, 0o600);
  assert.equal((await stat(upload.record)).mode & 0o777, 0o600);
  // As after a start of the machine: what is behind was written and never synced.
  await writeFile(upload.data, Buffer.alloc(5000), { flag: 'a' });
  await change(upload, { boot: 'another' });
  await start();
  assert.equal(offsetOf(await requests.state(at)), 700_000);
  assert.equal((await requests.patch(at, 700_000, body.subarray(700_000))).status, 204);
  assert.equal(sha256(await stored('machine')), sha256(body));
});

test('bytes are gone that a client was told of: the upload is gone as well', async () => {
  const { site, requests, server, start } = await serve();
  const at = await requests.begin('/o/many/short', 'Upload-Length: 9');
  await requests.patch(at, 0, 'abcdef');
  await server().stop('SIGKILL');
  const { data } = await onlyUpload(site);
  await writeFile(data, 'abc');
  await start();
  assertProblem(await requests.ask('GET', at, requests.spoken), 404, 'not-found');
  assert.deepEqual(await uploadSizes(site), []);
});

test('killed while it was stored: placed or not, with its name or not, it ends as what it was', async () => {
  const { site, requests, server, start, stored } = await serve();
  const text = 'abcdef';
  const whole = { digest: sha256(text), size: text.length };
  // Before its file was placed.
  const at = await requests.begin('/o/many/before', `Upload-Length: ${text.length}`);
  await requests.patch(at, 0, text.slice(0, -1));
  await server().stop('SIGKILL');
  const before = await onlyUpload(site);
  await writeFile(before.data, text);
  await change(before, { whole });
  await start();
  assertProblem(await requests.ask('GET', '/o/many/before', []), 404, 'not-found');
  const offset = offsetOf(await requests.state(at));
  assert.equal((await requests.patch(at, offset, text.slice(offset))).status, 204);
  assert.equal((await stored('before')).toString(), text);
  // After its name was written.
  await server().stop('SIGKILL');
  await change(before, { isStored: undefined });
  await start();
  assert.equal(offsetOf(await requests.state(at)), text.length);
  // After its file was placed, and before the commit: no record of the store names the bytes.
  await server().stop('SIGKILL');
  const other = 'ghijklm';
  const digest = sha256(other);
  const blob = join(site.dir, 'store', 'blobs', 'sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
  await start();
  const placed = await requests.begin('/o/many/placed', 'Upload-Length: 7', 'If-None-Match: *');
  await server().stop('SIGKILL');
  await place(site, placed, blob, other);
  await start();
  assert.equal((await stored('placed')).toString(), other);
  assert.equal(offsetOf(await requests.state(placed)), other.length);
});

/** As a process leaves it that is killed between the placing of a file and its record. */
async function place({ dir }: Site, at: string, blob: string, text: string): Promise<void> {
  const folder = join(dir, 'store', 'uploads', at.split('/').at(-1) ?? '');

  await mkdir(join(blob, '..'), { recursive: true });
  await writeFile(blob, text, { mode: 0o444 });
  await rm(join(folder, 'data'));
  await change({ record: join(folder, 'record') }, { whole: { digest: sha256(text), size: text.length } });
}

test('replaced: an upload goes on at the new process, also one that the old still receives', async () => {
  const { requests, server, start, stored } = await serve();
  const idle = await requests.begin('/o/many/idle', `Upload-Length: ${body.length}`, ...digests(body));
  await requests.patch(idle, 0, body.subarray(0, 900_000));
  const busy = await requests.begin('/o/many/busy', 'Upload-Length: 10');
  const wire = await requests.unfinished(busy, 0, 10, 'abcd');
  await until(
    () => server().metric('sealgate_received_bytes_total'),
    (bytes) => bytes >= 900_004,
    'its bytes',
  );
  const old = server();
  await start('--replace');
  await until(
    () => old.log(),
    (said) => said.includes('another process has taken over'),
    'its turn',
  );
  assert.equal(offsetOf(await requests.state(idle)), 900_000);
  assert.equal((await requests.patch(idle, 900_000, body.subarray(900_000))).status, 204);
  assert.equal(sha256(await stored('idle')), sha256(body));
  assertProblem(await requests.patch(busy, 0, 'abcdefghij'), 409, 'upload-busy');
  assert.equal((await requests.state(busy)).status, 204, 'it is there, however far it is');
  wire.send('efg');
  wire.reset();
  const there = await until(
    async () => {
      const { status, headers } = await requests.patch(busy, 99, '');
      return status === 409 ? headers.get('upload-offset') : undefined;
    },
    (offset) => offset !== undefined,
    'the end of the request at the old process',
  );
  assert.ok(Number(there) >= 4, there);
  assert.equal((await requests.patch(busy, Number(there), 'abcdefghij'.slice(Number(there)))).status, 204);
  assert.equal((await stored('busy')).toString(), 'abcdefghij');
});

test('replaced: an upload whose last request the old process receives is the object', async () => {
  const { requests, server, start, stored } = await serve();
  const at = await requests.begin('/o/many/over', 'Upload-Length: 10');
  const wire = await requests.unfinished(at, 0, 10, 'abcd');
  const old = server();
  await until(
    () => old.metric('sealgate_received_bytes_total'),
    (bytes) => bytes === 4,
    'its bytes',
  );
  await start('--replace');
  wire.send('efghij');
  assert.equal((await wire.response('PATCH')).status, 204);
  assert.equal((await stored('over')).toString(), 'abcdefghij');
  assert.equal(offsetOf(await requests.state(at)), 10);
});

test('HEAD of an upload that is the object, while another process has its lock: all its bytes', async () => {
  const { site, requests } = await serve();
  const at = await requests.begin('/o/many/locked', 'Upload-Length: 10');
  assert.equal((await requests.patch(at, 0, 'abcdefghij')).status, 204);
  const folder = dirname((await onlyUpload(site)).record);
  const lock = await until(
    () => addon.lockStore(`${folder}/`),
    (taken) => taken !== undefined,
    'the lock that the server releases',
  );
  const { status, headers } = await requests.state(at);
  lock?.release();
  assert.deepEqual([status, headers.get('upload-offset')], [204, '10']);
});

test('an upload expires while no server runs, and is gone when one starts', async () => {
  const { site, requests, server, start } = await serve({
    sites: [{ path: '/', protocol: 'objects', resumableUploads: { expireAfter: 1 } }],
  });
  const at = await requests.begin('/o/many/expired', 'Upload-Length: 9');
  await requests.patch(at, 0, 'abc');
  await server().stop('SIGKILL');
  await until(
    async () => Date.now() - (await stat((await onlyUpload(site)).data)).mtimeMs,
    (passed) => passed > 1100,
    'its time',
  );
  await start();
  assertProblem(await requests.ask('GET', at, requests.spoken), 404, 'not-found');
  assert.deepEqual(await uploadSizes(site), []);
  assert.equal(await server().metric('sealgate_resumable_uploads_expired_total'), 1);
});
