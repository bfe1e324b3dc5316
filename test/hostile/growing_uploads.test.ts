// Uploads that are read while they arrive and never become whole; and readers who read nothing.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { growing, type Reading, type Uploading } from '../support/growing.ts';
import { peakMemory, resetPeakMemory } from '../support/process.ts';
import { runtime } from '../support/runtime.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const MiB = 1024 * 1024;
const most = 64 * MiB;
const { site, server, clear, certificate, upload, read, stop } = await growing({
  limits: { stallTimeout: 1500, minRate: 1, maxObjectBytes: most },
});
after(stop);

const staged = () => readdir(join(site.dir, 'store', 'staging'));

/** Staging files that the server has open: they take space on the disk though they were removed. */
async function openStaged(): Promise<number> {
  const folder = `/proc/${server.pid}/fd`;
  const numbers = await readdir(folder);
  const paths = await Promise.all(numbers.map((each) => readlink(join(folder, each)).catch(() => '')));
  return paths.filter((path) => path.includes('/staging/')).length;
}

/** Readers of the first bytes of an upload, on both workers. */
async function readers(path: string, first: string): Promise<Reading[]> {
  const all = await Promise.all([1, 2, 3, 4].map(() => read(path)));
  for (const { wire } of all) assert.equal((await wire.chunk()).toString(), first);
  return all;
}

const promise = `Repr-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`;
const ends: [what: string, fields: string[], end: (upload: Uploading) => Promise<unknown>][] = [
  ['whose client goes away', [], async ({ wire }) => wire.close()],
  ['whose client resets the connection', [], async ({ wire }) => wire.reset()],
  ['that stalls', [], async ({ answer }) => assert.equal((await answer()).status, 408)],
  [
    'whose chunks are malformed',
    [],
    async ({ wire, answer }) => {
      wire.send('nonsense\r\n');
      assert.equal((await answer()).status, 400);
    },
  ],
  [
    'whose bytes have another digest than was promised',
    [promise],
    async ({ chunk, answer }) => {
      chunk('');
      assert.equal((await answer()).status, 422);
    },
  ],
  [
    'that is larger than is allowed',
    [],
    async ({ wire, answer }) => {
      wire.send(`${(most + 1).toString(16)}\r\n`);
      const answered = answer();
      wire.send(Buffer.alloc(most + 1));
      assert.equal((await answered).status, 413);
    },
  ],
];

for (const [index, [what, fields, end]] of ends.entries()) {
  test(`an upload ${what}: its readers are cut, and nothing is left`, async () => {
    const path = `/o/live/end${index}`;
    const writer = await upload(path, ...fields);
    writer.chunk('first');
    const all = await readers(path, 'first');
    const before = await server.metric('sealgate_growing_reads_cut_total');
    await end(writer);
    for (const { wire } of all) assert.doesNotMatch((await wire.ended()).rest, /\r\n0\r\n|^0\r\n/);
    assert.equal(await server.metric('sealgate_growing_reads_cut_total'), before + all.length);
    // Before anybody asks for it again.
    await until(openStaged, (count) => count === 0, 'open files that are removed');
    const later = await Wire.open(clear);
    assert.equal((await later.get(path)).status, 404);
    later.close();
    await until(staged, (files) => files.length === 0, 'staging files');
  });
}

test('an upload shorter than it said: its readers are cut before their last byte', async () => {
  const path = '/o/live/short';
  const writer = await upload(path, 'Content-Length: 10');
  writer.wire.send('abc');
  const { wire, headers } = await read(path);
  writer.wire.close();
  const { rest } = await wire.ended();
  if (headers.get('content-length') === '10') assert.ok('abc'.startsWith(rest));
  else assert.doesNotMatch(rest, /\r\n0\r\n/);
});

test('a reader who waits behind the end of an upload that fails is told so', async () => {
  const path = '/o/live/behind';
  const writer = await upload(path);
  writer.chunk('first');
  const [first] = await readers(path, 'first');
  const later = await Wire.open(clear);
  later.send(request('GET', path, 'Range: bytes=5-'));
  await until(
    () => server.metric('sealgate_connections{state="waiting"}'),
    (n) => n === 1,
    'waiting',
  );
  writer.wire.close();
  const refused = await later.response();
  assert.deepEqual([refused.status, JSON.parse(refused.body.toString()).title], [503, 'upload-failed']);
  for (const wire of [later, first?.wire]) wire?.close();
});

// Deno reads on from a TLS socket that is paused, so that no client of it is deaf.
for (const scheme of runtime === 'deno' ? ['http'] : ['http', 'https']) {
  test(`${scheme} readers who read nothing are cut after a while and take little memory`, async () => {
    const path = `/o/live/deaf-${scheme}`;
    const bytes = randomBytes(MiB);
    const writer = await upload(path);
    writer.chunk(bytes);
    (await read(path)).wire.close();
    const count = 100;
    const before = await server.metric('sealgate_write_stalls_total');
    const wires = await Promise.all(
      Array.from({ length: count }, () =>
        scheme === 'http' ? Wire.open(clear) : Wire.open(server.url, certificate),
      ),
    );
    const idle = await resetPeakMemory(server.pid);
    for (const wire of wires) {
      wire.socket.pause();
      wire.send(request('GET', path));
    }
    let sent = 1;
    const more = setInterval(() => {
      if (sent++ < 40) writer.chunk(bytes);
      else writer.chunk('x');
    }, 50);
    await until(
      () => server.metric('sealgate_write_stalls_total'),
      (total) => total === before + count,
      'stalled readers',
    );
    clearInterval(more);
    writer.chunk('');
    assert.equal((await writer.answer()).status, 201);
    const taken = (await peakMemory(server.pid)) - idle;
    assert.ok(taken < 64 * MiB, `${taken} bytes for ${count} readers`);
    for (const wire of wires) wire.close();
  });
}
