// Bodies whose end two readers could see in different places: refused, and the connection ends, so that what
// was smuggled behind them is never taken for a request.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
const authorization = `Authorization: Bearer ${site.token}`;
const put = (...fields: string[]) => request('PUT', '/o/files/victim', authorization, ...fields);
const chunked = 'Transfer-Encoding: chunked';
const smuggled = `${request('PUT', '/o/files/smuggled', authorization, 'Content-Length: 1')}x`;

const heads: [string, string[], number, string][] = [
  ['a length and chunks', ['Content-Length: 6', chunked], 400, 'framing-ambiguous'],
  ['chunks and a length', [chunked, 'Content-Length: 6'], 400, 'framing-ambiguous'],
  ['two lengths', ['Content-Length: 1', 'Content-Length: 2'], 400, 'framing-ambiguous'],
  ['one length twice', ['Content-Length: 5', 'Content-Length: 5'], 400, 'framing-ambiguous'],
  ['a list of lengths', ['Content-Length: 5, 5'], 400, 'framing-ambiguous'],
  ['a negative length', ['Content-Length: -1'], 400, 'framing-ambiguous'],
  ['a signed length', ['Content-Length: +5'], 400, 'framing-ambiguous'],
  ['a hexadecimal length', ['Content-Length: 0x5'], 400, 'framing-ambiguous'],
  ['an empty length', ['Content-Length:'], 400, 'framing-ambiguous'],
  ['a length beyond 64 bits', ['Content-Length: 18446744073709551621'], 400, 'framing-ambiguous'],
  ['chunked twice', [chunked, chunked], 400, 'framing-ambiguous'],
  ['chunked not last', ['Transfer-Encoding: chunked, identity'], 400, 'framing-ambiguous'],
  ['another word for chunked', ['Transfer-Encoding: xchunked'], 400, 'framing-ambiguous'],
  ['a coding in quotes', ['Transfer-Encoding: "chunked"'], 400, 'framing-ambiguous'],
  ['a coding below', ['Transfer-Encoding: gzip, chunked'], 501, 'coding-unknown'],
  ['a blank before the colon', ['Transfer-Encoding : chunked'], 400, 'head-malformed'],
  ['a folded coding', ['Transfer-Encoding:\r\n chunked'], 400, 'head-malformed'],
];

const bodies: [string, string][] = [
  ['a size that is none', 'five\r\nhello\r\n'],
  ['a negative size', '-5\r\nhello\r\n'],
  ['a size beyond 64 bits', 'fffffffffffffffff\r\nhello\r\n'],
  ['a blank before the size', ' 5\r\nhello\r\n'],
  ['more bytes than said', '3\r\nhello\r\n'],
  ['no end of line behind the bytes', '5\r\nhello0\r\n\r\n'],
  ['LF alone behind the size', '5\nhello\r\n0\r\n\r\n'],
  ['CR and another byte behind the size', '5\rXhello\r\n0\r\n\r\n'],
  ['LF alone behind the bytes', '5\r\nhello\n0\r\n\r\n'],
  ['two bytes that are no CRLF behind the bytes', '5\r\nhelloXX0\r\n\r\n'],
  ['LF alone as the last line', '5\r\nhello\r\n0\r\n\n'],
  ['CR and another byte as the last line', '5\r\nhello\r\n0\r\n\rX'],
  ['an extension that is none', '5;=\r\nhello\r\n0\r\n\r\n'],
  ['a folded trailer', '5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n'],
  ['extensions without end', `5;${'a'.repeat(100_000)}`],
];

async function refused(bytes: string, status: number, title: string): Promise<void> {
  const wire = await Wire.open(server.url, trust);
  wire.send(bytes);
  assertProblem(await wire.response(), status, title);
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
}

for (const [what, fields, status, title] of heads) {
  test(`${what}: ${status} ${title}`, () => refused(`${put(...fields)}0\r\n\r\n${smuggled}`, status, title));
}

for (const [what, body] of bodies) {
  test(`a chunk with ${what}: 400`, () => refused(put(chunked) + body + smuggled, 400, 'chunk-malformed'));
}

test('trailers without end: 400', () =>
  refused(`${put(chunked)}0\r\n${'X: y\r\n'.repeat(20_000)}`, 400, 'chunk-malformed'));

test('a trailer of 100,000 bytes: 400', () =>
  refused(`${put(chunked)}0\r\nX: ${'y'.repeat(100_000)}`, 400, 'chunk-malformed'));

test('the body of a GET is no request', async () => {
  const wire = await Wire.open(server.url, trust);
  wire.send(request('GET', '/', `Content-Length: ${smuggled.length}`) + smuggled);
  assert.equal((await wire.response()).status, 200);
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('requests with ambiguous framing stored nothing', async () => {
  for (const name of ['victim', 'smuggled']) {
    assertProblem(await server.curl(`/o/files/${name}`), 404, 'not-found');
  }
  const staged = () => readdir(join(site.dir, 'store', 'staging'));
  await until(staged, (files) => files.length === 0, 'staging');
});
