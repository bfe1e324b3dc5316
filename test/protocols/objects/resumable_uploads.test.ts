// Uploads in several requests by tus 1.0.0, at a site that takes them: on the wire, and by tus-js-client.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Upload, type UploadOptions } from 'tus-js-client';
import { assertProblem } from '../../support/problem.ts';
import { runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { sha256 } from '../../support/store.ts';
import { appended, offsetOf, TusRequests, uploadSizes } from '../../support/tus.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const site = await createSite({
  buckets: { many: 'versioned' },
  limits: { maxObjectBytes: 1 << 24 },
  auth: { reads: 'open' },
  sites: [
    { path: '/', protocol: 'objects', resumableUploads: {} },
    { path: '/brief/', protocol: 'objects', resumableUploads: { expireAfter: 1 } },
    { path: '/plain/', protocol: 'objects' },
  ],
});
const server = await TestServer.start(site, '--workers', '2', '--listen', 'http://127.0.0.1:0');
const origin = server.urls[0] ?? '';
after(async () => {
  await server.stop();
  await site.remove();
});

const bearer = `Authorization: Bearer ${site.token}`;
const requests = new TusRequests(() => origin, site);
const tus = requests.spoken;
const ask = requests.ask.bind(requests);
const begin = requests.begin.bind(requests);
const patch = requests.patch.bind(requests);
const state = requests.state.bind(requests);
async function stored(name: string): Promise<Buffer> {
  const { status, body } = await ask('GET', `/o/many/${name}`, []);
  assert.equal(status, 200);
  return body;
}

test('three requests make one object, which has what the first said of it', async () => {
  const body = randomBytes(900_000);
  const type = `filetype ${Buffer.from('text/css').toString('base64')}`;
  const at = await begin(
    '/o/many/three.bin',
    `Upload-Length: ${body.length}`,
    `Upload-Metadata: ${type},name`,
    `X-Checksum-Sha256: ${sha256(body)}`,
    'Cache-Control: max-age=7',
  );
  assert.match(at, /^\/uploads\/[0-9a-f]{64}$/);
  assert.equal(offsetOf(await patch(at, 0, body.subarray(0, 1000))), 1000);
  const between = await state(at);
  assert.deepEqual([offsetOf(between), between.headers.get('upload-length')], [1000, `${body.length}`]);
  assert.equal(between.headers.get('upload-metadata'), `${type},name`);
  assert.equal(between.headers.get('cache-control'), 'no-store');
  assert.ok(Date.parse(between.headers.get('upload-expires') ?? '') > Date.now());
  assertProblem(await ask('GET', '/o/many/three.bin', []), 404, 'not-found');
  assert.equal((await patch(at, 1000, body.subarray(1000, 800_000))).status, 204);
  assert.equal(offsetOf(await patch(at, 800_000, body.subarray(800_000))), body.length);
  assert.equal(sha256(await stored('three.bin')), sha256(body));
  const { headers } = await ask('GET', '/o/many/three.bin', []);
  assert.deepEqual([headers.get('content-type'), headers.get('cache-control')], ['text/css', 'max-age=7']);
  assert.equal(offsetOf(await state(at)), body.length, 'a client that lost the last answer finds it whole');
  assert.equal((await patch(at, body.length, '')).status, 204);
  assert.deepEqual(await uploadSizes(site), []);
});

/** A request that stays under way after some bytes of all that are left. */
async function underWay(at: string, from = 0, bytes = 'abcd'): Promise<Wire> {
  const received = () => server.metric('sealgate_received_bytes_total');
  const before = await received();
  const wire = await requests.unfinished(at, from, 10 - from, bytes);
  await until(received, (all) => all === before + bytes.length, 'bytes received');
  return wire;
}

test('HEAD while a request is under way: it is 409, and the offset has what came of it', async () => {
  const at = await begin('/o/many/asked', 'Upload-Length: 10');
  const wire = await underWay(at);
  assert.equal(offsetOf(await state(at)), 4);
  assertProblem(await wire.response('PATCH'), 409, 'upload-taken-over');
  await requests.goOn(at, Buffer.from('abcdefghij'));
  assert.equal((await stored('asked')).toString(), 'abcdefghij');
});

test('PATCH while a request is under way: it ends that one, and goes on where its bytes end', async () => {
  const at = await begin('/o/many/again', 'Upload-Length: 10');
  const wire = await underWay(at);
  const refused = await patch(at, 0, 'abcdefghij');
  assertProblem(refused, 409, 'offset-differs');
  assert.equal(offsetOf(refused), 4);
  assertProblem(await wire.response('PATCH'), 409, 'upload-taken-over');
  const other = await underWay(at, 4, 'ef');
  assert.equal(offsetOf(await state(at)), 6);
  assertProblem(await other.response('PATCH'), 409, 'upload-taken-over');
  assert.equal(offsetOf(await patch(at, 6, 'ghij')), 10);
  assert.equal((await stored('again')).toString(), 'abcdefghij');
});

test('DELETE while a request is under way: both end', async () => {
  const at = await begin('/o/many/deleted', 'Upload-Length: 10');
  const wire = await underWay(at);
  assert.equal((await ask('DELETE', at, tus)).status, 204);
  assertProblem(await wire.response('PATCH'), 409, 'upload-taken-over');
  assert.equal((await state(at)).status, 404);
});

test('a request that is cut off: what came of it counts', async () => {
  const at = await begin('/o/many/cut', 'Upload-Length: 10');
  const wire = await underWay(at);
  wire.reset();
  const there = await until(
    async () => offsetOf(await state(at)),
    (offset) => offset > 0,
    'bytes that count',
  );
  assert.equal(there, 4);
  await requests.goOn(at, Buffer.from('abcdefghij'));
  assert.equal((await stored('cut')).toString(), 'abcdefghij');
});

test('chunked coding: what comes counts, and the chunk that makes it whole makes the object', async () => {
  const chunked = async (at: string, offset: number, ...chunks: string[]) => {
    const wire = await Wire.open(origin);
    const about = [...tus, appended, `Upload-Offset: ${offset}`, 'Transfer-Encoding: chunked'];
    wire.send(request('PATCH', at, ...about));
    for (const each of [...chunks, '']) wire.send(`${each.length.toString(16)}\r\n${each}\r\n`);
    return wire.response('PATCH').finally(() => wire.close());
  };
  const at = await begin('/o/many/chunked', 'Upload-Length: 10');
  assert.equal(offsetOf(await chunked(at, 0, 'abc', 'd')), 4);
  assertProblem(await chunked(at, 4, 'efghijk'), 413, 'body-too-large');
  // What came of it is still written for a moment.
  await until(
    async () => {
      const there = offsetOf(await state(at));
      return (await chunked(at, there, 'efghij'.slice(there - 4))).status;
    },
    (status) => status === 204,
    'the rest',
  );
  assert.equal((await stored('chunked')).toString(), 'abcdefghij');
});

test('another offset than the upload has is 409 and says the right one', async () => {
  const at = await begin('/o/many/offset', 'Upload-Length: 6');
  await patch(at, 0, 'abc');
  for (const offset of [0, 2, 4]) {
    const refused = await patch(at, offset, 'x');
    assertProblem(refused, 409, 'offset-differs');
    assert.equal(offsetOf(refused), 3);
    assert.equal(refused.headers.get('tus-resumable'), '1.0.0');
  }
  assertProblem(await patch(at, 3, 'four'), 413, 'body-too-large');
  assertProblem(await ask('PATCH', at, [...tus, 'Upload-Offset: 3'], 'x'), 415, 'append-type-unknown');
  for (const bad of ['-1', '1.5', '', '99999999999999999'])
    assertProblem(
      await ask('PATCH', at, [...tus, appended, `Upload-Offset: ${bad}`], 'x'),
      400,
      'field-refused',
    );
  await patch(at, 3, 'def');
  assert.equal((await stored('offset')).toString(), 'abcdef');
});

test('the first bytes may come with the creation, and all of them', async () => {
  const first = await ask('POST', '/o/many/first', [...tus, appended, 'Upload-Length: 6'], 'abc');
  assert.deepEqual([first.status, offsetOf(first)], [201, 3]);
  await patch(first.headers.get('location') ?? '', 3, 'def');
  assert.equal((await stored('first')).toString(), 'abcdef');
  const all = await ask('POST', '/o/many/all', [...tus, appended, 'Upload-Length: 3'], 'all');
  assert.deepEqual([all.status, offsetOf(all)], [201, 3]);
  assert.equal((await stored('all')).toString(), 'all');
  await begin('/o/many/empty', 'Upload-Length: 0');
  assert.equal((await stored('empty')).length, 0);
});

test('a length that is not known at first is said later, once', async () => {
  const at = await begin('/o/many/later', 'Upload-Defer-Length: 1');
  assert.equal((await state(at)).headers.get('upload-defer-length'), '1');
  await patch(at, 0, 'abc');
  assert.equal((await patch(at, 3, 'de', 'Upload-Length: 6')).status, 204);
  assertProblem(await patch(at, 5, 'f', 'Upload-Length: 7'), 400, 'field-refused');
  await patch(at, 5, 'f');
  assert.equal((await stored('later')).toString(), 'abcdef');
  const ended = await begin('/o/many/ended', 'Upload-Defer-Length: 1');
  await patch(ended, 0, 'abc');
  assert.equal((await patch(ended, 3, '', 'Upload-Length: 3')).status, 204);
  assert.equal((await stored('ended')).toString(), 'abc');
});

test('a digest or condition that does not hold at last refuses the object, ends the upload', async () => {
  const promised = await begin('/o/many/promised', 'Upload-Length: 3', `X-Checksum-Sha256: ${sha256('abc')}`);
  assertProblem(await patch(promised, 0, 'abd'), 422, 'digest-mismatch');
  assertProblem(await ask('GET', promised, tus), 404, 'not-found');
  const fresh = await begin('/o/many/fresh', 'Upload-Length: 3', 'If-None-Match: *');
  await ask('PUT', '/o/many/fresh', [bearer], 'before');
  assertProblem(await patch(fresh, 0, 'abc'), 412, 'precondition-failed');
  assert.equal((await stored('fresh')).toString(), 'before');
  assertProblem(
    await ask('POST', '/o/many/fresh', [...tus, 'Upload-Length: 3', 'If-None-Match: *']),
    412,
    'precondition-failed',
  );
  assert.deepEqual(await uploadSizes(site), []);
});

test('an upload that is deleted, or not gone on with in time, is gone with its bytes', async () => {
  const before = (await uploadSizes(site)).length;
  const at = await begin('/o/many/gone', 'Upload-Length: 6');
  await patch(at, 0, 'abc');
  assert.equal((await uploadSizes(site)).length, before + 1);
  assert.equal((await ask('DELETE', at, tus)).status, 204);
  assertProblem(await ask('GET', at, tus), 404, 'not-found');
  const brief = await begin('/brief/o/many/gone', 'Upload-Length: 6');
  assert.match(brief, /^\/brief\/uploads\//);
  await patch(brief, 0, 'abc');
  await until(
    async () => (await ask('GET', brief, tus)).status,
    (status) => status === 404,
    'its end',
  );
  await until(
    async () => (await uploadSizes(site)).length,
    (files) => files === before,
    'no file left',
  );
});

test('a folder whose record is damaged: the log says so once, and others expire as ever', async () => {
  const id = 'd'.repeat(64);
  const folder = join(site.dir, 'store', 'uploads', id);
  await mkdir(folder);
  await writeFile(join(folder, 'record'), 'no JSON');
  const expired = () => server.metric('sealgate_resumable_uploads_expired_total');
  for (const looks of [1, 2]) {
    const before = await expired();
    await begin(`/brief/o/many/look${looks}`, 'Upload-Length: 1');
    await until(expired, (count) => count > before, 'an upload that expires');
  }
  assert.equal(server.log().split(id).length - 1, 1);
  await rm(folder, { recursive: true });
});

test('an upload is for who began it: no token 401, another one that may write 404', async () => {
  const at = await begin('/o/many/owned', 'Upload-Length: 3');
  const version = 'Tus-Resumable: 1.0.0';
  assertProblem(await ask('GET', at, [version]), 401, 'token-missing');
  assertProblem(await ask('POST', '/o/many/owned', [version, 'Upload-Length: 3']), 401, 'token-missing');
  const added = await runCli('token', 'add', 'write:many', '--config', site.config);
  const other = /sgt_[\w-]+/.exec(added)?.[0];
  const theirs = [version, `Authorization: Bearer ${other}`];
  // A token is known once its file was looked at again.
  await until(
    async () => (await ask('GET', at, theirs)).status,
    (status) => status !== 401,
    'a known token',
  );
  for (const method of ['GET', 'DELETE']) assertProblem(await ask(method, at, theirs), 404, 'not-found');
  const basic = `Authorization: Basic ${Buffer.from(`me:${site.token}`).toString('base64')}`;
  assert.equal(offsetOf(await ask('HEAD', at, [version, basic])), 0, 'the same token, as a password');
});

test('two uploads of one name go on side by side, and the name has what ended last', async () => {
  const first = await begin('/o/many/both', 'Upload-Length: 6');
  const second = await begin('/o/many/both', 'Upload-Length: 6');
  await patch(first, 0, 'abc');
  await patch(second, 0, 'uvwxyz');
  assert.equal((await stored('both')).toString(), 'uvwxyz');
  assert.equal((await patch(first, 3, 'def')).status, 204);
  assert.equal((await stored('both')).toString(), 'abcdef');
  assert.equal(offsetOf(await state(second)), 6);
});

test('what tus does not say, or is not done here, is refused', async () => {
  const create = (...fields: string[]) => ask('POST', '/o/many/bad', [...tus, ...fields]);
  assertProblem(await create('Upload-Length: x'), 400, 'field-refused');
  assertProblem(await create(), 400, 'field-refused');
  assertProblem(await create('Upload-Defer-Length: 2'), 400, 'field-refused');
  assertProblem(await create('Upload-Length: 3', 'Upload-Metadata: a b c'), 400, 'field-refused');
  assertProblem(
    await create('Upload-Length: 3', `Upload-Metadata: a ${'A'.repeat(4096)}`),
    400,
    'field-refused',
  );
  assertProblem(await create('Upload-Length: 3', 'Upload-Concat: partial'), 400, 'field-refused');
  assertProblem(await create(`Upload-Length: ${(1 << 24) + 1}`), 413, 'body-too-large');
  const version = await ask('POST', '/o/many/bad', [bearer, 'Tus-Resumable: 0.2.2', 'Upload-Length: 3']);
  assertProblem(version, 412, 'tus-version-unknown');
  assert.equal(version.headers.get('tus-version'), '1.0.0');
  const at = await begin('/o/many/bad', 'Upload-Length: 3');
  assertProblem(await patch(at, 0, 'abc', 'Upload-Checksum: sha1 AAAA'), 400, 'field-refused');
  assertProblem(await patch(at, 0, 'abc', `X-Checksum-Sha256: ${sha256('abc')}`), 400, 'field-refused');
  assertProblem(
    await ask('POST', '/plain/o/many/bad', [...tus, 'Upload-Length: 3']),
    405,
    'method-not-allowed',
  );
  assertProblem(await ask('GET', `/uploads/${'0'.repeat(64)}`, tus), 404, 'not-found');
});

test('OPTIONS tells what is spoken', async () => {
  const { status, headers } = await ask('OPTIONS', '/o/many/any', []);
  assert.equal(status, 204);
  assert.equal(headers.get('tus-version'), '1.0.0');
  assert.equal(headers.get('tus-max-size'), `${1 << 24}`);
  assert.match(headers.get('tus-extension') ?? '', /creation.*termination/);
  assert.match(headers.get('allow') ?? '', /POST/);
  assert.equal((await ask('OPTIONS', '/plain/o/many/any', [])).headers.get('tus-version'), undefined);
});

/** By tus-js-client. */
function byClient(body: Buffer, name: string, more: UploadOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const upload: Upload = new Upload(body, {
      endpoint: `${origin}/o/many/${name}`,
      headers: { Authorization: `Bearer ${site.token}` },
      metadata: { filetype: 'image/png' },
      retryDelays: [10, 10, 10],
      ...more,
      onError: reject,
      onSuccess: () => resolve(upload.url ?? ''),
    });
    upload.start();
  });
}

test('tus-js-client uploads whole, in chunks, with data at creation, and goes on later', async () => {
  const body = randomBytes(3_000_000);
  await byClient(body, 'client-whole');
  assert.equal(sha256(await stored('client-whole')), sha256(body));
  await byClient(body, 'client-chunks', { chunkSize: 700_000 });
  assert.equal(sha256(await stored('client-chunks')), sha256(body));
  await byClient(body, 'client-at-once', { uploadDataDuringCreation: true, chunkSize: 1_000_000 });
  assert.equal(sha256(await stored('client-at-once')), sha256(body));
  const at = await begin('/o/many/client-later', `Upload-Length: ${body.length}`);
  await patch(at, 0, body.subarray(0, 1_234_567));
  await byClient(body, 'client-later', { uploadUrl: origin + at });
  assert.equal(sha256(await stored('client-later')), sha256(body));
});
