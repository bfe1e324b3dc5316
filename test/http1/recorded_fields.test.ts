// Fields that are recorded of an object are in 200, 206 and HEAD, from kept plans as well, and 304 has those
// that tell caches how long they may keep it.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ buckets: { live: 'versioned' } });
let server = await TestServer.start(site, '--workers', '1');
const trust = await readFile(site.certificate, 'utf8');
let wire = await Wire.open(server.url, trust);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const file = join(site.dir, 'file');
await writeFile(file, 'coded bytes');
const fields: Record<string, string> = {
  'content-encoding': 'gzip',
  'content-language': 'de',
  'content-disposition': 'attachment; filename="a b"',
  'sealgate-meta-build': '7',
};
const caching = 'max-age=60, stale-if-error=600';
const said = Object.entries({ ...fields, 'cache-control': caching }).flatMap(([name, value]) => [
  '-H',
  `${name}: ${value}`,
]);
const made = await server.put('/o/live/a.txt', file, ...said);
const etag = made.headers.get('etag') ?? '';

const kinds: [what: string, method: string, asked: string[], status: number, absent: string[]][] = [
  ['GET', 'GET', [], 200, []],
  ['HEAD', 'HEAD', [], 200, []],
  ['a range', 'GET', ['Range: bytes=0-1'], 206, []],
  ['ranges, whose coding is in each part', 'GET', ['Range: bytes=0-1,4-5'], 206, ['content-encoding']],
  ['not modified', 'GET', [`If-None-Match: ${etag}`], 304, Object.keys(fields)],
  ['not modified, asked by HEAD', 'HEAD', [`If-None-Match: ${etag}`], 304, Object.keys(fields)],
];

for (const start of ['the first start', 'a restart']) {
  if (start === 'a restart') {
    test('the server is started again', async () => {
      wire.close();
      await server.stop();
      server = await TestServer.start(site, '--workers', '1');
      wire = await Wire.open(server.url, trust);
    });
  }
  for (const time of ['first', 'second']) {
    for (const [what, method, asked, status, absent] of kinds) {
      test(`after ${start}, ${what} for the ${time} time has status ${status} and the fields`, async () => {
        wire.send(request(method, '/o/live/a.txt', ...asked));
        const answer = await wire.response(method);
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get('cache-control'), caching);
        assert.equal(answer.headers.get('etag'), etag);
        for (const [name, value] of Object.entries(fields))
          assert.equal(answer.headers.get(name), absent.includes(name) ? undefined : value, name);
        if (absent.length === 1) {
          const parts = answer.body.toString().split('\r\nContent-Encoding: gzip\r\nContent-Range: ');
          assert.equal(parts.length, 3);
        }
      });
    }
  }
}

test('412, 416 and the answer for a deleted name have none of them', async () => {
  const token = `Authorization: Bearer ${site.token}`;
  const answers: [string, string, number][] = [
    ['GET', 'If-Match: "other"', 412],
    ['GET', 'Range: bytes=100-', 416],
    ['DELETE', token, 204],
    ['GET', 'Accept: */*', 410],
  ];
  for (const [method, line, status] of answers) {
    wire.send(request(method, '/o/live/a.txt', line));
    const { status: got, headers } = await wire.response(method);
    assert.equal(got, status);
    for (const name of Object.keys(fields)) assert.equal(headers.get(name), undefined, `${status}: ${name}`);
    assert.notEqual(headers.get('cache-control'), caching);
  }
});
