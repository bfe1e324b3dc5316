// One client on one connection to a site with signed URLs, codings and networks that is read again meanwhile:
// every answer is by the settings, the signature and the time of its own request, from kept plans as well.

import assert from 'node:assert/strict';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const text = Array.from({ length: 3000 }, (_, i) => `row ${i} of ${i % 7}\n`).join('');
const www = { host: 'www.test', bucket: 'web', compress: true, signed: { keys: ['./keys/cdn.key'] } };
const site = await createSite({
  workers: 1,
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [www],
});
const key = join(site.dir, 'keys', 'cdn.key');
await mkdir(join(site.dir, 'keys'));
await writeFile(key, 'k'.repeat(40), { mode: 0o600 });
const start = JSON.parse(await readFile(site.config, 'utf8'));
await writeTree(join(site.dir, 'tree'), { 'a.csv': text });
await runCli('import', join(site.dir, 'tree'), '--bucket', 'web', '--config', site.config);
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0');
const wire = await Wire.open(server.url);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

async function sign(...args: string[]): Promise<string> {
  const url = await runCli('sign', 'https://www.test/a.csv', '--config', site.config, ...args);
  return url.trim().slice('https://www.test'.length);
}
const signed = await sign('--for', '1h');
const get = (target: string, ...fields: string[]) =>
  wire.get(target, 'Host: www.test', 'Accept-Encoding: br', ...fields);
const codingOf = ({ headers }: { headers: Map<string, string> }) => headers.get('content-encoding');

async function reload(changes: object): Promise<void> {
  const sites = [{ ...www, ...changes }];
  await writeFile(site.config, JSON.stringify({ ...start, sites }));
  assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
}

const plain = await wire.get(signed, 'Host: www.test');
const coded = await until(
  () => get(signed),
  (answer) => codingOf(answer) === 'br',
  'the coding',
);
const etag = `${coded.headers.get('etag')}`;

test('a signed URL has the coding, its ranges and its conditions', async () => {
  assert.equal(brotliDecompressSync(coded.body).toString(), text);
  const part = await get(signed, 'Range: bytes=5-14', `If-Range: ${etag}`);
  assert.deepEqual([part.status, codingOf(part), part.body], [206, 'br', coded.body.subarray(5, 15)]);
  const bare = await get(signed, 'Range: bytes=5-14');
  assert.deepEqual([bare.status, codingOf(bare), bare.body], [206, undefined, plain.body.subarray(5, 15)]);
  assert.equal((await get(signed, `If-None-Match: ${etag}`)).status, 304);
  const other = await get(signed, `If-None-Match: ${plain.headers.get('etag')}`);
  assert.deepEqual([other.status, codingOf(other)], [200, 'br']);
  for (const { headers } of [coded, plain, part, bare, other])
    assert.deepEqual(
      [headers.get('vary'), headers.get('cache-control')],
      ['Accept-Encoding', 'private, max-age=0, must-revalidate'],
    );
});

test('a signature that ends is refused with every condition and range, though the plan is kept', async () => {
  const brief = await sign('--for', '3s');
  const refused = await until(
    () => get(brief, 'Range: bytes=0-0', `If-Range: ${etag}`),
    ({ status }) => status !== 206,
    'the end of the signature',
  );
  assert.deepEqual([refused.status, refused.headers.get('cache-control')], [403, 'no-store']);
  for (const field of [`If-None-Match: ${etag}`, 'If-None-Match: *', 'If-Match: "x"', 'Range: bytes=9-'])
    assert.equal((await get(brief, field)).status, 403, field);
  assert.equal((await get(signed)).status, 200);
});

test('sites that are read again count from the next request on, on the same connection', async () => {
  for (let times = 0; times < 2; times++) {
    await reload({ compress: false });
    const off = await get(signed);
    assert.deepEqual([off.status, codingOf(off), off.headers.get('vary')], [200, undefined, undefined]);
    await reload({ deny: ['127.0.0.0/8'] });
    assert.equal((await get(signed)).status, 403);
    assert.equal((await get(signed, `If-None-Match: ${etag}`)).status, 403);
    await reload({});
    assert.equal(codingOf(await get(signed)), 'br');
  }
});

test('a key that is replaced refuses what the one before has signed', async () => {
  await writeFile(`${key}.new`, 'n'.repeat(40), { mode: 0o600 });
  await rename(`${key}.new`, key);
  const ask = () => get(signed, 'Range: bytes=0-0');
  const { status } = await until(ask, (answer) => answer.status !== 206, 'the refusal');
  assert.equal(status, 403);
  const askAnew = async () => get(await sign('--for', '1h'));
  await until(askAnew, (answer) => codingOf(answer) === 'br', 'what the new key signs');
});
