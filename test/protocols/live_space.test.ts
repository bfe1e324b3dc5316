// The space of a publishing point: what its packager deletes, its playlists replace and its window ends is
// freed where the bucket keeps no older versions, and whoever forgot to say so reads it in the log.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const of = { protocol: 'live', bucket: 'channels' };
const site = await createSite({
  buckets: { channels: 'versioned' },
  sites: [
    { ...of, path: '/one/', prefix: 'one/' },
    { ...of, path: '/short/', prefix: 'short/', window: { seconds: 1 } },
  ],
  sentinel: { intervalSeconds: 0 },
  gc: { intervalSeconds: 0, graceSeconds: 0 },
});
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...listen);
const wire = await Wire.open(server.urls[1] ?? '');
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
