// Ranges made to cost: many, overlapping, repeated (RFC 9110 17.15). The answer is never larger than the
// object by more than the parts' heads, and mostly there is none.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, TestServer } from '../support/server.ts';
import { Wire } from '../support/wire.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
const wire = await Wire.open(server.url, await readFile(site.certificate, 'utf8'));
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const size = 1_000_000;
await writeFile(join(site.dir, 'file'), Buffer.alloc(size, 'ranges '));
await server.put('/o/files/object', join(site.dir, 'file'));

const repeated = (range: string, times: number) => Array(times).fill(range).join(',');
const refused = {
  '33 small ones': Array.from({ length: 33 }, (_, i) => `${i * 10}-${i * 10}`).join(','),
  '1000 of one byte': Array.from({ length: 1000 }, (_, i) => `${i}-${i}`).join(','),
  'as many as a head holds': repeated('0-', 10_000),
  'the whole, 32 times': repeated('0-', 32),
  'the whole, 4 times': repeated('0-', 4),
  'suffixes of suffixes': Array.from({ length: 10 }, (_, i) => `-${size - i}`).join(','),
  'a ladder': Array.from({ length: 10 }, (_, i) => `${i}-${size - i - 1}`).join(','),
  '33 that select nothing': repeated(`${size}-`, 33),
};
for (const [what, ranges] of Object.entries(refused)) {
  test(`${what}: 416`, async () => {
    const response = await wire.get('/o/files/object', `Range: bytes=${ranges}`);
    assertProblem(response, 416, 'range-unsatisfiable');
    assert.equal(response.headers.get('content-range'), `bytes */${size}`);
  });
}

test('32 ranges that lie apart are served', async () => {
  const apart = Array.from({ length: 32 }, (_, i) => `${i * 1000}-${i * 1000 + 9}`).join(',');
  const { status, body } = await wire.get('/o/files/object', `Range: bytes=${apart}`);
  assert.equal(status, 206);
  assert.ok(body.length < 32 * 200, `${body.length} bytes`);
});

test('commas alone cost nothing', async () => {
  const response = await wire.get('/o/files/object', `Range: bytes=${','.repeat(30_000)}0-0`);
  assert.deepEqual([response.status, response.body.length], [206, 1]);
});

test('a number of thousands of digits is a large number', async () => {
  const digits = '9'.repeat(30_000);
  const past = await wire.get('/o/files/object', `Range: bytes=${digits}-`);
  assertProblem(past, 416, 'range-unsatisfiable');
  const last = await wire.get('/o/files/object', `Range: bytes=${size - 1}-${digits}`);
  assert.deepEqual([last.status, last.body.length], [206, 1]);
});
