// The fields of 200, 206, HEAD and 304: validators, digest, freshness and type, the same wherever they apply.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ buckets: { files: 'write-once', live: 'versioned' } });
const server = await TestServer.start(site, '--workers', '1');
const wire = await Wire.open(server.url, await readFile(site.certificate, 'utf8'));
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const bytes = Buffer.alloc(50_000, 'fields ');
const hash = createHash('sha256').update(bytes).digest();
const hex = hash.toString('hex');
const file = join(site.dir, 'file');
await writeFile(file, bytes);
const stored = Date.now();
await server.put('/o/files/clip.mp4', file);
await server.put('/o/live/list.m3u8', file);
await server.put('/o/files/typed', file, '-H', 'Content-Type: text/x-own; charset=utf-8');

const immutable = 'public, max-age=31536000, immutable';
const revalidate = 'public, max-age=0, must-revalidate';
const resources: [string, string, string][] = [
  ['/o/files/clip.mp4', 'video/mp4', immutable],
  ['/o/files/typed', 'text/x-own; charset=utf-8', immutable],
  ['/o/live/list.m3u8', 'application/vnd.apple.mpegurl', revalidate],
  [`/sha256/${hex}`, 'application/octet-stream', immutable],
];
const kinds: [string, string, string[], number][] = [
  ['GET', 'GET', [], 200],
  ['HEAD', 'HEAD', [], 200],
  ['a range', 'GET', ['Range: bytes=0-9'], 206],
  ['ranges', 'GET', ['Range: bytes=0-9,20-29'], 206],
  ['not modified', 'GET', [`If-None-Match: "${hex}"`], 304],
];

async function ask(method: string, target: string, fields: string[]): Promise<Response> {
  wire.send(request(method, target, ...fields));
  return wire.response(method);
}

for (const [target, type, cacheControl] of resources) {
  for (const [what, method, asked, expected] of kinds) {
    test(`${what} of ${target.slice(0, 20)}`, async () => {
      const { status, headers } = await ask(method, target, asked);
      assert.equal(status, expected);
      assert.equal(headers.get('etag'), `"${hex}"`);
      // RFC 9530 3: of the whole representation, also where a part of it is sent or nothing.
      assert.equal(headers.get('repr-digest'), `sha-256=:${hash.toString('base64')}:`);
      assert.equal(headers.get('accept-ranges'), 'bytes');
      assert.equal(headers.get('cache-control'), cacheControl);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      const modified = Date.parse(headers.get('last-modified') ?? '');
      assert.ok(modified >= stored - 1000 && modified <= Date.now(), headers.get('last-modified'));
      assert.match(headers.get('date') ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      const multipart = `multipart/byteranges; boundary=${hex.slice(0, 32)}`;
      const shown = expected === 304 ? undefined : what === 'ranges' ? multipart : type;
      assert.equal(headers.get('content-type'), shown);
    });
  }
}

test('the digest is that of the bytes sent', async () => {
  const { body } = await ask('GET', '/o/files/clip.mp4', []);
  assert.equal(createHash('sha256').update(body).digest('hex'), hex);
});

test('a second response has the fields of the first', async () => {
  const first = await ask('GET', '/o/files/clip.mp4', []);
  const second = await ask('GET', '/o/files/clip.mp4', []);
  for (const { headers } of [first, second])
    for (const name of ['date', 'x-request-id']) headers.delete(name);
  assert.deepEqual(second.headers, first.headers);
});

test('404: Cache-Control keeps it out of caches', async () => {
  const { headers } = await ask('GET', '/o/files/none', []);
  assert.equal(headers.get('cache-control'), 'no-store');
  for (const absent of ['etag', 'repr-digest', 'last-modified']) assert.equal(headers.get(absent), undefined);
});
