// Reads over HTTP/2 are answered by the code that answers HTTP/1.1: the same statuses, fields and bytes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../support/wait.ts';
import { large, serve, small } from './support.ts';

const log = { access: './access.log', fields: ['httpVersion'] };
const served = await serve({ log });
after(served.stop);
const { server } = served;

const same = (headers: Map<string, string>) => {
  const { date: _, connection: __, 'x-request-id': id, ...rest } = Object.fromEntries(headers);
  assert.match(id ?? '', /^[0-9a-f]{32}$/);
  return rest;
};
/** A problem document names its request. */
const told = (body: Buffer) => body.toString('latin1').replace(/"request":"\w+"/, '');
const etag = (await server.curl('/o/files/small')).headers.get('etag') ?? '';

const requests: [what: string, path: string, args: string[], status: number][] = [
  ['a small file', '/o/files/small', [], 200],
  ['a small file again', '/o/files/small', [], 200],
  ['a large file', '/o/files/large', [], 200],
  ['HEAD', '/o/files/large', ['-I'], 200],
  ['a range', '/o/files/large', ['-r', '1000-500000'], 206],
  ['two ranges', '/o/files/large', ['-r', '0-9,100000-200000'], 206],
  ['a range behind the end', '/o/files/small', ['-r', '5000-'], 416],
  ['If-None-Match', '/o/files/small', ['-H', `If-None-Match: ${etag}`], 304],
  ['If-Match of something else', '/o/files/small', ['-H', 'If-Match: "x"'], 412],
  ['what is not there', '/o/files/none', [], 404],
  ['a method that is not allowed', '/o/files/small', ['-X', 'POST'], 405],
  ['a write without a token', '/o/files/y', ['-X', 'PUT', '-d', 'x'], 401],
];

for (const [what, path, args, status] of requests) {
  test(`${what}: ${status}, as HTTP/1.1`, async () => {
    const [one, two] = [await server.curl(path, ...args), await server.curl(path, '--http2', ...args)];
    assert.equal(two.status, status);
    assert.equal(one.status, status);
    assert.deepEqual(same(two.headers), same(one.headers));
    if (what !== 'HEAD') assert.equal(told(two.body), told(one.body)); // curl -I writes the head there
  });
}

test('the bytes are those that were stored', async () => {
  assert.ok((await server.curl('/o/files/small', '--http2')).body.equals(small));
  assert.ok((await server.curl('/o/files/large', '--http2')).body.equals(large));
});

test('the access log says 2, and the metrics count requests over HTTP/2', async () => {
  const before = await server.metric('sealgate_http2_requests_total');
  await server.curl('/o/files/small?once', '--http2');
  assert.equal(await server.metric('sealgate_http2_requests_total'), before + 1);
  const file = join(served.site.dir, 'access.log');
  const lines = async () =>
    (await readFile(file, 'utf8')).split('\n').filter((line) => line.includes('?once'));
  const [line = ''] = await until(lines, (found) => found.length > 0, 'a line in the log');
  const { http_version, status, sent } = JSON.parse(line);
  assert.deepEqual([http_version, status], ['2', 200]);
  assert.ok(sent > small.length);
});
