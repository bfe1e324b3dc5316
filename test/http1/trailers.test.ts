// Trailers and chunk extensions carry nothing: the body is what the chunks hold, and the next request counts.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
const trust = await readFile(site.certificate, 'utf8');
const wire = await Wire.open(server.url, trust);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const head = (target: string) =>
  request('PUT', target, `Authorization: Bearer ${site.token}`, 'Transfer-Encoding: chunked');

const bodies = {
  trailers: '5\r\nfirst\r\n6\r\nsecond\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n',
  extensions: '5;flag;name=value\r\nfirst\r\n6;quoted="a;b"\r\nsecond\r\n0;last\r\n\r\n',
  // RFC 9110 6.5.1: fields that frame, route or authorize mean nothing in a trailer.
  'framing in a trailer':
    '5\r\nfirst\r\n6\r\nsecond\r\n0\r\nContent-Length: 99\r\nHost: x\r\nConnection: close\r\n\r\n',
  'a digest in a trailer': '5\r\nfirst\r\n6\r\nsecond\r\n0\r\nContent-Digest: sha-256=:AAAA:\r\n\r\n',
  'leading zeros': '0005\r\nfirst\r\n00000006\r\nsecond\r\n000\r\n\r\n',
};
for (const [what, body] of Object.entries(bodies)) {
  test(`a chunked body with ${what}`, async () => {
    const target = `/o/files/${encodeURIComponent(what)}`;
    wire.send(head(target) + body + request('GET', target));
    assert.equal((await wire.response()).status, 201);
    assert.equal((await wire.response()).body.toString(), 'firstsecond');
  });
}

test('trailers that arrive byte by byte are read', async () => {
  for (const byte of head('/o/files/bytewise') + bodies.trailers) wire.send(byte);
  assert.equal((await wire.response()).status, 201);
  assert.equal((await wire.get('/o/files/bytewise')).body.toString(), 'firstsecond');
});

test('a coding announced in a trailer could be meant to smuggle, and is refused', async () => {
  const other = await Wire.open(server.url, trust);
  const body = '5\r\nfirst\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n';
  other.send(head('/o/files/smuggled') + body + request('GET', '/o/files/smuggled'));
  assertProblem(await other.response(), 400, 'framing-ambiguous');
  assert.deepEqual(await other.ended(), { by: 'end', rest: '' });
  assertProblem(await wire.get('/o/files/smuggled'), 404, 'not-found');
});
