// HEAD, conditions and ranges of what is still being uploaded.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { growing, type Uploading } from '../support/growing.ts';
import type { Response } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const { server, clear, upload, read, stop } = await growing();
after(stop);

const path = '/o/live/half';
let writer: Uploading;
before(async () => {
  writer = await upload(path);
  writer.chunk('0123456789');
  // Until all of them can be read.
  const { wire } = await read(path);
  await wire.chunk();
  wire.close();
});

type Answer = Pick<Response, 'status' | 'headers'> & { wire: Wire };

async function ask(method: string, target: string, ...fields: string[]): Promise<Answer> {
  const wire = await Wire.open(clear);
  wire.send(request(method, target, ...fields));
  return { wire, ...(await wire.head()) };
}

test('HEAD has the fields of GET, and is answered at once', async () => {
  const { wire, status, headers } = await ask('HEAD', path);
  assert.deepEqual([status, headers.get('accept-ranges')], [200, 'bytes']);
  for (const name of ['content-length', 'etag', 'last-modified', 'transfer-encoding'])
    assert.equal(headers.get(name), undefined, name);
  assert.equal((await wire.get('/o/live/absent')).status, 404);
  wire.close();
});

const tag = `"${'0'.repeat(64)}"`;
const date = new Date(0).toUTCString();
for (const [field, expected] of [
  [`If-Match: ${tag}`, 412],
  ['If-Match: *', 412],
  [`If-Unmodified-Since: ${date}`, 412],
  [`If-None-Match: ${tag}`, 200],
  ['If-None-Match: *', 200],
  [`If-Modified-Since: ${date}`, 200],
  ['Range: bytes=-3', 200],
  ['Range: bytes=0-', 200],
  ['Range: bytes=0-1,3-4', 200],
] as const) {
  test(`${field}: ${expected}`, async () => {
    const { wire, status } = await ask('GET', path, field);
    assert.equal(status, expected);
    wire.close();
  });
}

test('a range with If-Range is the whole', async () => {
  const { wire, status } = await ask('GET', path, 'Range: bytes=0-1', `If-Range: ${tag}`);
  assert.equal(status, 200);
  wire.close();
});

for (const [range, told, body] of [
  ['2-5', '2-5', '2345'],
  ['9-9', '9-9', '9'],
  ['4-', '4-9', '456789'],
  ['4-200', '4-9', '456789'],
] as const) {
  test(`the range ${range} of ten bytes is ${told}`, async () => {
    const { wire, status, headers } = await ask('GET', path, `Range: bytes=${range}`);
    assert.deepEqual([status, headers.get('content-range')], [206, `bytes ${told}/*`]);
    assert.equal(headers.get('content-length'), String(body.length));
    assert.equal((await wire.bytes(body.length)).toString(), body);
    assert.equal((await wire.get('/o/live/absent')).status, 404);
    wire.close();
  });
}

test('a range that ends beyond any size follows; one that begins behind the end waits', async () => {
  const all = await ask('GET', path, 'Range: bytes=8-9007199254740991');
  assert.deepEqual(
    [all.status, all.headers.get('content-range'), all.headers.get('transfer-encoding')],
    [206, 'bytes 8-9007199254740991/*', 'chunked'],
  );
  assert.equal((await all.wire.chunk()).toString(), '89');
  const [later, never] = await Promise.all([Wire.open(clear), Wire.open(clear)]);
  later.send(request('GET', path, 'Range: bytes=10-11'));
  never.send(request('GET', path, 'Range: bytes=13-'));
  await until(
    () => server.metric('sealgate_connections{state="waiting"}'),
    (waiting) => waiting === 2,
    'requests that wait',
  );
  writer.chunk('abc');
  assert.equal((await all.wire.chunk()).toString(), 'abc');
  const { status, headers } = await later.head();
  assert.deepEqual([status, headers.get('content-range')], [206, 'bytes 10-11/*']);
  assert.equal((await later.bytes(2)).toString(), 'ab');
  writer.chunk('');
  assert.equal((await all.wire.chunk()).toString(), '');
  const refused = await never.response();
  assert.deepEqual([refused.status, refused.headers.get('content-range')], [416, 'bytes */13']);
  for (const wire of [all.wire, later, never]) wire.close();
});
