// Range requests (RFC 9110 14): exactly the bytes asked for, alone or as parts of multipart/byteranges.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { Wire } from '../support/wire.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
const wire = await Wire.open(server.url, await readFile(site.certificate, 'utf8'));
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

/** Bytes that say where they stand: no two windows of eight are equal. */
function counted(size: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(size / 4) * 4);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32BE(i, i);
  return bytes.subarray(0, size);
}

const small = counted(1000);
const large = counted(1_000_003);
const objects = { small, large };
for (const [name, bytes] of Object.entries(objects)) {
  await writeFile(join(site.dir, name), bytes);
  await server.put(`/o/files/${name}`, join(site.dir, name), '-H', 'Content-Type: video/mp4');
}
const get = (name: string, range: string) => wire.get(`/o/files/${name}`, `Range: ${range}`);

/** The range and the first and last byte that it has to select. */
const single: [string, (size: number) => [number, number]][] = [
  ['bytes=0-0', () => [0, 0]],
  ['bytes=1-999', () => [1, 999]],
  ['bytes=500-', (size) => [500, size - 1]],
  ['bytes=-1', (size) => [size - 1, size - 1]],
  ['bytes=-400', (size) => [size - 400, size - 1]],
  ['bytes=-99999999', (size) => [0, size - 1]],
  ['bytes=7-99999999', (size) => [7, size - 1]],
  ['bytes=7-99999999999999999999999', (size) => [7, size - 1]],
  ['bytes=0-', (size) => [0, size - 1]],
  ['BYTES= 10-19', () => [10, 19]],
  ['bytes=,10-19,', () => [10, 19]],
  ['bytes=10-19,99999999-', () => [10, 19]],
];
for (const [name, bytes] of Object.entries(objects)) {
  for (const [range, selected] of single) {
    test(`${range} of ${bytes.length} bytes`, async () => {
      const [first, last] = selected(bytes.length);
      const { status, headers, body } = await get(name, range);
      assert.equal(status, 206);
      assert.equal(headers.get('content-range'), `bytes ${first}-${last}/${bytes.length}`);
      assert.equal(headers.get('content-type'), 'video/mp4');
      assert.ok(body.equals(bytes.subarray(first, last + 1)));
    });
  }
}

interface Part {
  fields: string;
  bytes: Buffer;
}

/** RFC 2046 5.1.1, strictly: nothing before the first delimiter and nothing after the last. */
function partsOf({ headers, body }: Response): Part[] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers.get('content-type') ?? '')?.[1];
  const text = body.toString('latin1');
  const end = `\r\n--${boundary}--\r\n`;
  assert.ok(text.startsWith(`--${boundary}\r\n`) && text.endsWith(end));
  const parts = text.slice(`--${boundary}\r\n`.length, -end.length).split(`\r\n--${boundary}\r\n`);
  return parts.map((part) => {
    const split = part.indexOf('\r\n\r\n');
    return { fields: part.slice(0, split), bytes: Buffer.from(part.slice(split + 4), 'latin1') };
  });
}

const several: [string, (size: number) => [number, number][]][] = [
  [
    'bytes=0-0,2-3',
    () => [
      [0, 0],
      [2, 3],
    ],
  ],
  [
    'bytes=10-19, 0-4 ,-5',
    (size) => [
      [10, 19],
      [0, 4],
      [size - 5, size - 1],
    ],
  ],
  [
    'bytes=0-99,50-149',
    () => [
      [0, 99],
      [50, 149],
    ],
  ],
  [
    'bytes=5-5,99999999-,900-',
    (size) => [
      [5, 5],
      [900, size - 1],
    ],
  ],
  [
    `bytes=${Array.from({ length: 32 }, (_, i) => `${i * 30}-${i * 30 + 9}`)}`,
    () => Array.from({ length: 32 }, (_, i): [number, number] => [i * 30, i * 30 + 9]),
  ],
];
for (const [name, bytes] of Object.entries(objects)) {
  for (const [range, selected] of several) {
    test(`${range} of ${bytes.length} bytes, in parts`, async () => {
      const response = await get(name, range);
      assert.equal(response.status, 206);
      assert.equal(response.headers.get('content-range'), undefined);
      const parts = partsOf(response);
      const expected = selected(bytes.length);
      assert.equal(parts.length, expected.length);
      expected.forEach(([first, last], i) => {
        const contentRange = `Content-Range: bytes ${first}-${last}/${bytes.length}`;
        assert.equal(parts[i]?.fields, `Content-Type: video/mp4\r\n${contentRange}`);
        assert.ok(parts[i]?.bytes.equals(bytes.subarray(first, last + 1)), contentRange);
      });
    });
  }
}

for (const range of ['bytes=1000-', 'bytes=99999999999999999999999-', 'bytes=-0', 'bytes=1000-1001,2000-']) {
  test(`${range} of 1000 bytes cannot be satisfied`, async () => {
    const refused = await get('small', range);
    assertProblem(refused, 416, 'range-unsatisfiable');
    assert.equal(refused.headers.get('content-range'), 'bytes */1000');
  });
}

for (const range of [
  'bytes=2-1',
  'bytes=a-b',
  'bytes=',
  'bytes=1-2;3-4',
  'bytes 0-1',
  'lines=0-1',
  'bytes=--1',
]) {
  test(`${range} is no range, so the whole is sent`, async () => {
    const { status, headers, body } = await get('small', range);
    assert.deepEqual([status, headers.get('content-range')], [200, undefined]);
    assert.ok(body.equals(small));
  });
}

test('any range of an empty object: 200', async () => {
  await writeFile(join(site.dir, 'empty'), '');
  await server.put('/o/files/empty', join(site.dir, 'empty'));
  for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-5', 'bytes=7-']) {
    const { status, headers, body } = await get('empty', range);
    assert.deepEqual([status, headers.get('content-range'), body.length], [200, undefined, 0], range);
    assert.equal(headers.get('content-length'), '0');
  }
});

test('a download that is resumed by a range: the whole bytes', async () => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < large.length; at += 300_000) {
    pieces.push((await get('large', `bytes=${at}-${at + 299_999}`)).body);
  }
  assert.ok(Buffer.concat(pieces).equals(large));
});
