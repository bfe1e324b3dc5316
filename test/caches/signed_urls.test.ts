// Signed URLs by way of caches: what a signature opened is in no shared cache, so that nobody gets it by
// another one, without one, or after its end. A site whose CDN verifies signatures itself says so, and
// then it is kept.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { until } from '../support/wait.ts';
import { Origin } from './origin.ts';

const folder = await mkdtemp(join(tmpdir(), 'sealgate-keys-'));
const key = join(folder, 'cdn.key');
await writeFile(key, `${'k'.repeat(40)}\n`, { mode: 0o600 });

const files = { 'a/list.m3u8': '1.ts\n', 'a/1.ts': 'segment', 'b.txt': 'other' };
const caching = [{ match: '/**', maxAge: 600 }];
const origin = await Origin.start(files, [
  { host: 'www.test', bucket: 'web', signed: { keys: [key] }, caching },
  { host: 'cdn.test', bucket: 'web', signed: { keys: [key], sharedCaches: true }, caching },
]);
const caches = await origin.caches();
after(async () => {
  await origin.stop();
  await rm(folder, { recursive: true });
});

/** The signed target. */
async function sign(host: string, path: string, ...args: string[]): Promise<string> {
  const options = ['--config', origin.site.config, ...args];
  const url = new URL((await runCli('sign', `https://${host}${path}`, ...options)).trim());
  return url.pathname + url.search;
}
const inQuery = await sign('www.test', '/b.txt', '--for', '1h');
const inPath = await sign('www.test', '/a/list.m3u8', '--for', '1h', '--prefix', '/a/', '--in', 'path');
const forCdn = await sign('cdn.test', '/b.txt', '--for', '1h');

for (const cache of caches) {
  test(`${cache.name}: a signature in the query opens its path each time, and no one else does`, async () => {
    const get = async (target: string) => {
      const { status, headers } = await cache.get(target, 'Host: www.test');
      return [status, headers.get('x-cache') === 'HIT'];
    };
    for (let times = 0; times < 2; times++) assert.deepEqual(await get(inQuery), [200, false]);
    assert.deepEqual(await get('/b.txt'), [403, false]);
    assert.deepEqual(await get(inQuery.replace('/b.txt', '/a/1.ts')), [403, false]);
    assert.deepEqual(await get(inQuery.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))), [403, false]);
  });

  test(`${cache.name}: a signature in the path opens what a playlist names relatively`, async () => {
    for (const target of [inPath, new URL('1.ts', `http://www.test${inPath}`).pathname]) {
      const { status, headers } = await cache.get(target, 'Host: www.test', 'Range: bytes=0-3');
      assert.ok(status === 206 || status === 200, `${target}: ${status}`);
      assert.notEqual(headers.get('x-cache'), 'HIT');
    }
  });

  test(`${cache.name}: a signature that ended is 403 though it was answered before`, async () => {
    const brief = await sign('www.test', '/b.txt', '--for', '4s');
    assert.equal((await cache.get(brief, 'Host: www.test')).status, 200);
    const ask = () => cache.get(brief, 'Host: www.test');
    const { status } = await until(ask, (answer) => answer.status !== 200, 'the end of the signature');
    assert.equal(status, 403);
  });

  test(`${cache.name}: of a site for CDNs that verify, the signed answer is kept`, async () => {
    assert.equal((await cache.get(forCdn, 'Host: cdn.test')).status, 200);
    const { status, headers } = await cache.get(forCdn, 'Host: cdn.test');
    assert.deepEqual([status, headers.get('x-cache')], [200, 'HIT']);
  });
}
