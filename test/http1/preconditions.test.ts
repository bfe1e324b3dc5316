// Conditional requests over a connection: which condition decides when several are given (RFC 9110 13.2.2).

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

const bytes = 'conditional';
await writeFile(join(site.dir, 'file'), bytes);
await server.put('/o/files/file', join(site.dir, 'file'));

const { headers } = await wire.get('/o/files/file');
const etag = headers.get('etag') ?? '';
const modified = headers.get('last-modified') ?? '';
const dated = (seconds: number) => new Date(Date.parse(modified) + seconds * 1000).toUTCString();
const [earlier, later] = [dated(-60), dated(60)];
const range = 'Range: bytes=0-1';

/** What is asked, in words, with its fields and the status that has to come. */
const cases: [string, string[], number][] = [
  ['If-Match names it', [`If-Match: ${etag}`], 200],
  ['If-Match: *', ['If-Match: *'], 200],
  ['If-Match names it among others', [`If-Match: "a,b", W/"c" , ${etag}`], 200],
  ['If-Match names another', ['If-Match: "other"'], 412],
  ['If-Match compares strongly', [`If-Match: W/${etag}`], 412],
  [
    'If-Match decides before If-Unmodified-Since',
    [`If-Match: ${etag}`, `If-Unmodified-Since: ${earlier}`],
    200,
  ],
  ['If-Match fails before If-None-Match is asked', ['If-Match: "other"', `If-None-Match: ${etag}`], 412],
  ['If-Unmodified-Since its date', [`If-Unmodified-Since: ${modified}`], 200],
  ['If-Unmodified-Since an earlier date', [`If-Unmodified-Since: ${earlier}`], 412],
  ['If-Unmodified-Since no date at all', ['If-Unmodified-Since: yesterday'], 200],
  ['If-None-Match names it', [`If-None-Match: ${etag}`], 304],
  ['If-None-Match compares weakly', [`If-None-Match: W/${etag}`], 304],
  ['If-None-Match names it in its second line', ['If-None-Match: "other"', `If-None-Match: ${etag}`], 304],
  ['If-Match names it in its first line', [`If-Match: ${etag}`, 'If-Match: "other"'], 200],
  ['If-None-Match: *', ['If-None-Match: *'], 304],
  ['If-None-Match names another', ['If-None-Match: "other"'], 200],
  [
    'If-None-Match decides before If-Modified-Since',
    ['If-None-Match: "other"', `If-Modified-Since: ${later}`],
    200,
  ],
  ['If-Match and If-None-Match name it', [`If-Match: ${etag}`, `If-None-Match: ${etag}`], 304],
  ['If-Modified-Since its date', [`If-Modified-Since: ${modified}`], 304],
  ['If-Modified-Since an earlier date', [`If-Modified-Since: ${earlier}`], 200],
  ['If-Modified-Since no date at all', ['If-Modified-Since: 12345'], 200],
  ['a condition fails before the range is asked', ['If-Match: "other"', range], 412],
  ['not modified before the range is asked', [`If-None-Match: ${etag}`, 'Range: bytes=999-'], 304],
  ['If-Match holds, then the range', [`If-Match: ${etag}`, range], 206],
  ['If-Range names it', [`If-Range: ${etag}`, range], 206],
  ['If-Range names another', ['If-Range: "other"', range], 200],
  ['If-Range compares strongly', [`If-Range: W/${etag}`, range], 200],
  ['If-Range its date, which another version may share', [`If-Range: ${modified}`, range], 200],
  ['If-Range a later date', [`If-Range: ${later}`, range], 200],
  ['If-Range without a range', ['If-Range: "other"'], 200],
  ['If-Range names another, with a range past the end', ['If-Range: "other"', 'Range: bytes=999-'], 200],
];

for (const [what, fields, expected] of cases) {
  test(`${what}: ${expected}`, async () => {
    const response = await wire.get('/o/files/file', ...fields);
    assert.equal(response.status, expected);
    if (expected === 412) return assertProblem(response, 412, 'precondition-failed');
    const body = { 200: bytes, 206: bytes.slice(0, 2), 304: '' }[expected];
    assert.equal(response.body.toString(), body);
  });
}

test('a conditional GET of a missing name: 404', async () => {
  assertProblem(await wire.get('/o/files/none', 'If-None-Match: *'), 404, 'not-found');
  assertProblem(await wire.get('/o/files/none', 'If-Match: *'), 404, 'not-found');
});

test('curl fetches only what changed', async () => {
  const stored = join(site.dir, 'etag');
  assert.equal((await server.curl('/o/files/file', '--etag-save', stored)).status, 200);
  assert.equal((await server.curl('/o/files/file', '--etag-compare', stored)).status, 304);
});
