// COPY over a connection: conditions and Overwrite guard the destination, and another server's is refused.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ buckets: { live: 'versioned' } });
const server = await TestServer.start(site, '--workers', '1');
const wire = await Wire.open(server.url, await readFile(site.certificate, 'utf8'));
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const authorization = `Authorization: Bearer ${site.token}`;

function put(name: string, body: string): Promise<Response> {
  const length = `Content-Length: ${body.length}`;
  wire.send(request('PUT', `/o/live/${name}`, authorization, length, 'Content-Type: text/x-test') + body);
  return wire.response();
}

function copy(from: string, destination: string, ...fields: string[]): Promise<Response> {
  const to = `Destination: ${destination}`;
  wire.send(request('COPY', `/o/live/${from}`, authorization, to, ...fields));
  return wire.response();
}

const bodyOf = async (name: string) => (await wire.get(`/o/live/${name}`)).body.toString();

await put('source', 'source');

for (const guard of [
  'If-Match: "nothing"',
  'If-None-Match: *',
  'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT',
  'Overwrite: F',
]) {
  test(`COPY over what exists with ${guard}: 412, and it stays`, async () => {
    await put('guarded', 'guarded');
    assertProblem(await copy('source', '/o/live/guarded', guard), 412, 'precondition-failed');
    assert.equal(await bodyOf('guarded'), 'guarded');
  });
}

test('COPY with the tag of the destination writes, and carries the media type', async () => {
  const etag = (await put('expected', 'expected')).headers.get('etag');
  assert.equal((await copy('source', '/o/live/expected', `If-Match: ${etag}`)).status, 200);
  const { headers, body } = await wire.get('/o/live/expected');
  assert.deepEqual([body.toString(), headers.get('content-type')], ['source', 'text/x-test']);
});

test('COPY with Overwrite: F and If-None-Match: * to a new name: 201', async () => {
  assert.equal((await copy('source', '/o/live/new', 'Overwrite: F', 'If-None-Match: *')).status, 201);
});

test('a Destination on this host is taken, one on another is 502, before anything is written', async () => {
  assert.equal((await copy('source', 'https://LOCALHOST/o/live/here')).status, 201);
  assertProblem(await copy('source', 'https://other.example/o/live/there'), 502, 'destination-elsewhere');
  assert.equal((await wire.get('/o/live/there')).status, 404);
});

test('COPY without a token: 401, whatever host the Destination names', async () => {
  wire.send(request('COPY', '/o/live/source', 'Destination: https://other.example/o/live/there'));
  assertProblem(await wire.response(), 401, 'token-missing');
});
