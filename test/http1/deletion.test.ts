// DELETE over a connection: what is deleted is gone (410), what never was is not found (404), bytes remain.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ buckets: { files: 'write-once', live: 'versioned' } });
const server = await TestServer.start(site, '--workers', '2');
const wire = await Wire.open(server.url, await readFile(site.certificate, 'utf8'));
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const authorization = `Authorization: Bearer ${site.token}`;

function put(target: string, body: string): Promise<Response> {
  wire.send(request('PUT', target, authorization, `Content-Length: ${body.length}`) + body);
  return wire.response();
}

function remove(target: string, ...fields: string[]): Promise<Response> {
  wire.send(request('DELETE', target, ...fields));
  return wire.response();
}

for (const bucket of ['files', 'live']) {
  test(`a name in ${bucket} is gone at once, also for plans that were kept`, async () => {
    const target = `/o/${bucket}/doomed`;
    await put(target, bucket);
    for (let i = 0; i < 3; i++) assert.equal((await wire.get(target)).body.toString(), bucket);
    const deleted = await remove(target, authorization);
    assert.deepEqual([deleted.status, deleted.headers.get('content-length')], [204, undefined]);
    assertProblem(await wire.get(target), 410, 'name-deleted');
    assertProblem(await wire.get(target, 'If-None-Match: *'), 410, 'name-deleted');
    assertProblem(await remove(target, authorization), 404, 'not-found');
  });
}

test('the bytes stay under their digest', async () => {
  await put('/o/files/named', 'bytes remain');
  await remove('/o/files/named', authorization);
  const digest = createHash('sha256').update('bytes remain').digest('hex');
  assert.equal((await wire.get(`/sha256/${digest}`)).body.toString(), 'bytes remain');
});

test('a name that never was is not found', async () => {
  assertProblem(await wire.get('/o/files/never'), 404, 'not-found');
  assertProblem(await remove('/o/files/never', authorization), 404, 'not-found');
  assertProblem(await remove('/o/nowhere/x', authorization), 404, 'bucket-unknown');
});

test('DELETE without a token: refused, and the name stays', async () => {
  await put('/o/files/kept', 'kept');
  assertProblem(await remove('/o/files/kept'), 401, 'token-missing');
  assert.equal((await wire.get('/o/files/kept')).body.toString(), 'kept');
});

test('a deletion that is conditional needs its condition', async () => {
  await put('/o/live/guarded', 'one');
  const refused = await remove('/o/live/guarded', authorization, 'If-Match: "other"');
  assertProblem(refused, 412, 'precondition-failed');
  const etag = (await wire.get('/o/live/guarded')).headers.get('etag');
  assert.equal((await remove('/o/live/guarded', authorization, `If-Match: ${etag}`)).status, 204);
});

test('blobs themselves cannot be deleted', async () => {
  assertProblem(await remove(`/sha256/${'0'.repeat(64)}`, authorization), 405, 'method-not-allowed');
});
