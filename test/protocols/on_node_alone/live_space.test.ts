// The space of a publishing point: what its packager deletes, its playlists replace and its window ends is
// freed where the bucket keeps no older versions, and whoever forgot to say so reads it in the log.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const of = { protocol: 'live', bucket: 'channels' };
const site = await createSite({
  buckets: { channels: 'versioned' },
  sites: [
    { ...of, path: '/one/', prefix: 'one/' },
    { ...of, path: '/short/', prefix: 'short/', window: { seconds: 1 } },
    { ...of, path: '/count/', prefix: 'count/', window: { count: 3 } },
  ],
  sentinel: { intervalSeconds: 0 },
  gc: { intervalSeconds: 0, graceSeconds: 0 },
});
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
let server = await TestServer.start(site, '--workers', '1', ...listen);
let wire = await Wire.open(server.urls[1] ?? '');
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

async function send(method: string, path: string, body = ''): Promise<void> {
  const bearer = `Authorization: Bearer ${site.token}`;
  wire.send(`${request(method, path, bearer, `Content-Length: ${body.length}`)}${body}`);
  const { status } = await wire.response(method);
  assert.ok(status === 200 || status === 201, `${path}: ${status}`);
}

async function blobs(): Promise<number> {
  const folder = join(site.dir, 'store', 'blobs');
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return files.filter((each) => each.isFile()).length;
}

test('a bucket that keeps all versions: a warning says what frees the space', () => {
  assert.match(server.log(), /"level":40[^\n]*keeps all versions[^\n]*--keep-versions 0/);
});

test('20 segments deleted, 20 outside the window, 20 playlists replaced: one playlist is left', async () => {
  const before = await blobs();
  for (let at = 0; at < 20; at++) {
    await send('PUT', `/one/out${at}.ts`, `segment ${at}`);
    await send('PUT', `/short/out${at}.ts`, `of the window ${at}`);
    await send('PUT', '/one/out.m3u8', `#EXTM3U\n# ${at}\n`);
  }
  for (let at = 0; at < 20; at++) await send('DELETE', `/one/out${at}.ts`);
  assert.equal(await blobs(), before + 60);
  await cli('bucket', 'set', 'channels', '--keep-versions', '0', '--yes');
  const left = async () => {
    await cli('gc');
    return blobs();
  };
  await until(left, (count) => count === before + 1, 'the end of the window');
  assert.equal((await wire.get('/one/out.m3u8')).status, 200);
  assert.ok((await server.metric('sealgate_collected_blobs_total')) >= 59);
});

async function statuses(...names: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of names) found.push((await wire.get(`/count/${name}`)).status);
  return found;
}

test('a window of 3 segments: the newest of each stream are left, and space comes back', async () => {
  const before = await blobs();
  for (let at = 0; at < 8; at++) {
    await send('PUT', `/count/stream0-${at}.m4s`, `first stream ${at}`);
    await send('PUT', `/count/stream1-${at}.m4s`, `second stream ${at}`);
    await send('PUT', '/count/init-0.m4s', 'init');
  }
  assert.deepEqual(await statuses('stream0-4.m4s', 'stream0-5.m4s', 'stream0-7.m4s'), [410, 200, 200]);
  assert.deepEqual(await statuses('stream1-4.m4s', 'stream1-5.m4s', 'init-0.m4s'), [410, 200, 200]);
  const left = async () => {
    await cli('gc');
    return blobs();
  };
  await until(left, (count) => count === before + 7, 'the space of ten segments');
});

test('the same bytes again make no segment newer, and what was deleted does not count', async () => {
  for (const name of ['a1.ts', 'a2.ts', 'a3.ts', 'a1.ts']) await send('PUT', `/count/${name}`, 'same');
  await send('PUT', '/count/a4.ts', 'other');
  assert.deepEqual(await statuses('a1.ts', 'a2.ts', 'a3.ts', 'a4.ts'), [410, 200, 200, 200]);
  await send('DELETE', '/count/a3.ts');
  await send('PUT', '/count/a5.ts', 'other');
  assert.deepEqual(await statuses('a2.ts', 'a3.ts', 'a4.ts', 'a5.ts'), [200, 410, 200, 200]);
});

test('what was there before the server was started counts', async () => {
  wire.close();
  await server.stop();
  server = await TestServer.start(site, '--workers', '1', ...listen);
  wire = await Wire.open(server.urls[1] ?? '');
  await send('PUT', '/count/stream0-8.m4s', 'first stream 8');
  assert.deepEqual(await statuses('stream0-5.m4s', 'stream0-6.m4s', 'stream0-8.m4s'), [410, 200, 200]);
  assert.deepEqual(await statuses('stream1-5.m4s', 'a2.ts'), [200, 200]);
});
