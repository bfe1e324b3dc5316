// Uploads in several requests by "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload): on the
// wire, by curl and by tus-js-client.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Upload } from 'tus-js-client';
import { assertProblem } from '../../support/problem.ts';
import { outcome, text } from '../../support/runtime.ts';
import { createSite, type Response, TestServer } from '../../support/server.ts';
import { sha256 } from '../../support/store.ts';
import { offsetOf, TusRequests, uploadSizes } from '../../support/tus.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const site = await createSite({
  buckets: { many: 'versioned' },
  limits: { maxObjectBytes: 1 << 24 },
  auth: { reads: 'open' },
  sites: [
    { path: '/', protocol: 'objects', resumableUploads: {} },
    { path: '/plain/', protocol: 'objects' },
  ],
});
const listeners = ['--listen', 'http://127.0.0.1:0', '--listen', 'https://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '2', ...listeners);
const [origin = '', secure] = server.urls;
after(async () => {
  await server.stop();
  await site.remove();
});

const bearer = `Authorization: Bearer ${site.token}`;
const requests = new TusRequests(() => origin, site);
const send = (method: string, path: string, body: Uint8Array | string, ...fields: string[]) =>
  requests.ask(method, path, [bearer, ...fields], body);
const partial = 'Content-Type: application/partial-upload';
const more = 'Upload-Complete: ?0';
const last = 'Upload-Complete: ?1';
const base64 = (text: string) => Buffer.from(sha256(text), 'hex').toString('base64');
const types = 'https://iana.org/assignments/http-problem-types#';

async function begin(path: string, body: string, ...fields: string[]): Promise<string> {
  const made = await send('POST', path, body, more, ...fields);
  assert.equal(made.status, 201, made.body.toString());
  assert.equal(made.headers.get('upload-complete'), '?0');
  assert.equal(offsetOf(made), body.length);
  assert.match(made.headers.get('upload-limit') ?? '', /^max-size=16777216, max-age=863\d\d$|max-age=86400$/);
  return made.headers.get('location') ?? '';
}
const patch = (at: string, offset: number, body: Uint8Array | string, ...fields: string[]) =>
  send('PATCH', at, body, partial, `Upload-Offset: ${offset}`, ...fields);
const state = (at: string, ...fields: string[]) => send('HEAD', at, '', ...fields);
const about = ({ status, headers }: Response) => [
  status,
  headers.get('upload-offset'),
  headers.get('upload-complete'),
  headers.get('upload-length'),
];
async function stored(name: string): Promise<Buffer> {
  const { status, body } = await send('GET', `/o/many/${name}`, '');
  assert.equal(status, 200);
  return body;
}

test('the whole object, by a client that knows 104: it goes on at the place told when cut off', async () => {
  const wire = await Wire.open(origin);
  const version = 'Upload-Draft-Interop-Version: 8';
  wire.send(request('PUT', '/o/many/whole', bearer, last, version, 'Content-Length: 10'));
  const early = await wire.head();
  assert.deepEqual([early.status, early.headers.get('upload-draft-interop-version')], [104, '8']);
  const at = early.headers.get('location') ?? '';
  assert.match(at, /^\/uploads\/[0-9a-f]{64}$/);
  const before = await server.metric('sealgate_received_bytes_total');
  wire.send('abcd');
  const received = () => server.metric('sealgate_received_bytes_total');
  await until(received, (bytes) => bytes === before + 4, 'bytes received');
  wire.reset();
  const cut = await until(
    () => state(at, version),
    ({ headers }) => headers.get('upload-offset') === '4',
    'bytes that count',
  );
  assert.deepEqual(about(cut), [204, '4', '?0', '10']);
  assert.equal((await patch(at, 4, 'efghij', last, version)).status, 201);
  assert.equal((await stored('whole')).toString(), 'abcdefghij');
});

test('the whole object: with 104 also before 100, and without a version, or by HTTP/1.0, a PUT', async () => {
  const version = 'Upload-Draft-Interop-Version: 6';
  const put = async (name: string, ...fields: string[]) => {
    const wire = await Wire.open(origin);
    wire.send(request('PUT', `/o/many/${name}`, bearer, last, 'Content-Length: 3', ...fields));
    return wire;
  };
  const expecting = await put('expecting', version, 'Expect: 100-continue');
  assert.deepEqual([(await expecting.head()).status, (await expecting.head()).status], [104, 100]);
  const silent = await put('silent');
  const older = await Wire.open(origin);
  const head = request('PUT', '/o/many/older', bearer, last, version, 'Content-Length: 3');
  older.send(head.replace('HTTP/1.1', 'HTTP/1.0'));
  for (const wire of [expecting, silent, older]) {
    wire.send('abc');
    const { status, headers } = await wire.response('PUT');
    assert.deepEqual([status, headers.get('etag')], [201, `"${sha256('abc')}"`]);
    wire.close();
  }
});

test('the whole object over HTTP/2: curl shows the 104 before the answer', async () => {
  const file = join(site.dir, 'body');
  await writeFile(file, 'abc');
  const fields = ['-H', bearer, '-H', last, '-H', 'Upload-Draft-Interop-Version: 8'];
  const args = ['-s', '--http2', '--cacert', site.certificate, '-D', '-', '-o', join(site.dir, 'answer')];
  const curl = spawn('curl', [...args, ...fields, '-T', file, `${secure}/o/many/h2`]);
  const printed = text(curl.stdout);
  assert.equal((await outcome(curl)).status, 0);
  assert.match(printed(), /^HTTP\/2 104 \r\nlocation: \/uploads\/[0-9a-f]{64}\r\n.*^HTTP\/2 201/ms);
  assert.equal((await stored('h2')).toString(), 'abc');
});

test('three requests make one object, and the last has the answer of a PUT', async () => {
  const at = await begin('/o/many/three', 'abc', 'Content-Type: text/css', 'Cache-Control: max-age=7');
  assert.deepEqual(about(await state(at)), [204, '3', '?0', undefined]);
  assert.deepEqual(about(await patch(at, 3, 'def', more)), [204, '6', '?0', undefined]);
  assertProblem(await send('GET', '/o/many/three', ''), 404, 'not-found');
  const made = await patch(at, 6, 'ghi', last);
  assert.deepEqual(about(made), [201, '9', '?1', undefined]);
  assert.equal(made.headers.get('location'), '/o/many/three');
  assert.equal(JSON.parse(made.body.toString()).digest, sha256('abcdefghi'));
  assert.equal((await stored('three')).toString(), 'abcdefghi');
  const { headers } = await send('GET', '/o/many/three', '');
  assert.deepEqual([headers.get('content-type'), headers.get('cache-control')], ['text/css', 'max-age=7']);
  const whole = await state(at);
  assert.deepEqual(about(whole), [204, '9', '?1', '9']);
  assert.equal(whole.headers.get('cache-control'), 'no-store');
});

test('an upload ends with an empty request, and PUT begins one as POST does', async () => {
  const made = await send('PUT', '/o/many/put', 'abc', more, 'Upload-Length: 3');
  assert.deepEqual(about(made), [201, '3', '?0', undefined]);
  const at = made.headers.get('location') ?? '';
  assert.deepEqual(about(await state(at)), [204, '3', '?0', '3'], 'the length does not make it complete');
  assert.deepEqual(about(await patch(at, 3, '', last)), [201, '3', '?1', undefined]);
  assert.equal((await stored('put')).toString(), 'abc');
  const again = await patch(at, 3, '', last);
  assert.equal(again.status, 400);
  assert.equal(JSON.parse(again.body.toString()).type, `${types}completed-upload`);
  const beyond = await patch(at, 3, 'd', last);
  assert.equal(JSON.parse(beyond.body.toString()).type, `${types}inconsistent-upload-length`);
});

test('a request that has the whole object is an ordinary PUT', async () => {
  for (const method of ['PUT', 'POST']) {
    const made = await send(method, `/o/many/whole-${method}`, 'abc', last);
    assert.equal(made.status, 201);
    assert.equal((await stored(`whole-${method}`)).toString(), 'abc');
  }
  assert.deepEqual(await uploadSizes(site), []);
});

test('another offset than the upload has is 409 with the problem of the draft', async () => {
  const at = await begin('/o/many/offset', 'abc');
  for (const offset of [0, 2, 4]) {
    const refused = await patch(at, offset, 'x', more);
    assert.deepEqual(about(refused), [409, '3', '?0', undefined]);
    const { type, ...members } = JSON.parse(refused.body.toString());
    assert.equal(type, `${types}mismatching-upload-offset`);
    assert.deepEqual([members['expected-offset'], members['provided-offset']], [3, offset]);
  }
});

test('lengths that are not one are refused, and nothing comes beyond the length', async () => {
  const at = await begin('/o/many/length', 'abc', 'Upload-Length: 6');
  for (const fields of [[more, 'Upload-Length: 7'], [last]]) {
    const refused = await patch(at, 3, 'de', ...fields);
    assert.equal(refused.status, 400);
    assert.equal(JSON.parse(refused.body.toString()).type, `${types}inconsistent-upload-length`);
  }
  const beyond = await patch(at, 3, 'defg', more);
  assertProblem(beyond, 413, 'body-too-large');
  assert.match(beyond.headers.get('upload-limit') ?? '', /max-size=16777216/);
  assertProblem(
    await send('PUT', '/o/many/length', '', more, 'Upload-Length: 16777217'),
    413,
    'body-too-large',
  );
  assert.equal((await patch(at, 3, 'def', last)).status, 201);
});

test('what the draft does not say, or is not done here, is refused', async () => {
  const at = await begin('/o/many/bad', 'abc');
  assertProblem(await send('PATCH', at, 'x', 'Upload-Offset: 3', more), 415, 'append-type-unknown');
  assertProblem(await patch(at, 3, 'x'), 400, 'field-refused');
  assertProblem(await send('PATCH', at, 'x', partial, more), 400, 'field-refused');
  assertProblem(
    await patch(at, 3, 'x', more, `Content-Digest: sha-256=:${base64('x')}:`),
    400,
    'field-refused',
  );
  const ofContent = `Content-Digest: sha-256=:${base64('x')}:`;
  assertProblem(await send('PUT', '/o/many/bad', 'x', more, ofContent), 400, 'field-refused');
  const version = 'Upload-Draft-Interop-Version: 4';
  assertProblem(await send('PUT', '/o/many/bad', 'x', more, version), 400, 'field-refused');
  assertProblem(await send('POST', '/o/many/bad', 'x'), 400, 'field-refused');
  assertProblem(await send('PUT', '/plain/o/many/bad', 'x', more), 400, 'partial-put-refused');
  assertProblem(await requests.ask('GET', at, []), 401, 'token-missing');
  assertProblem(await send('GET', '/o/many/bad', ''), 404, 'not-found');
});

test('DELETE gives an upload up, and OPTIONS tells what is spoken', async () => {
  const at = await begin('/o/many/gone', 'abc');
  assert.equal((await send('DELETE', at, '')).status, 204);
  assert.equal((await state(at)).status, 404);
  const { headers } = await send('OPTIONS', '/o/many/any', '');
  assert.equal(headers.get('accept-patch'), 'application/partial-upload');
  assert.equal(headers.get('upload-limit'), 'max-size=16777216');
});

test('the last request is cut off: HEAD says incomplete, and an empty request ends it', async () => {
  const at = await begin('/o/many/cut', 'abc', `Repr-Digest: sha-256=:${base64('abcdef')}:`);
  const wire = await Wire.open(origin);
  wire.send(request('PATCH', at, bearer, partial, 'Upload-Offset: 3', last, 'Transfer-Encoding: chunked'));
  wire.send('3\r\ndef\r\n');
  wire.close();
  await until(
    async () => about(await state(at)).join(),
    (said) => said.startsWith('204,6,?0'),
    'all bytes',
  );
  const ended = await until(
    () => patch(at, 6, '', last),
    ({ status }) => status !== 409,
    'the end of the first request',
  );
  assert.equal(ended.status, 201);
  assert.equal((await stored('cut')).toString(), 'abcdef');
});

test('curl uploads the rest of a file from the offset that it is told', async () => {
  const body = randomBytes(2_000_000);
  const file = join(site.dir, 'body');
  await writeFile(`${file}.1`, body.subarray(0, 1_200_000));
  await writeFile(`${file}.2`, body.subarray(1_200_000));
  const curl = (path: string, ...args: string[]) => server.curl(path, '-H', bearer, ...args);
  const made = await curl('/o/many/curl', '-X', 'POST', '-H', more, '--data-binary', `@${file}.1`);
  assert.equal(made.status, 201);
  const at = made.headers.get('location') ?? '';
  const offset = (await curl(at, '-I')).headers.get('upload-offset');
  assert.equal(offset, '1200000');
  const rest = [
    '-X',
    'PATCH',
    '-H',
    `Upload-Offset: ${offset}`,
    '-H',
    partial,
    '-H',
    last,
    '-T',
    `${file}.2`,
  ];
  assert.equal((await curl(at, ...rest)).status, 201);
  assert.equal(sha256(await stored('curl')), sha256(body));
  const chunked = await curl(
    '/o/many/chunked',
    '-X',
    'PUT',
    '-H',
    more,
    '-H',
    'Transfer-Encoding: chunked',
    '-T',
    `${file}.1`,
  );
  assert.equal(offsetOf(chunked), 1_200_000);
  const end = ['-H', 'Transfer-Encoding: chunked', ...rest];
  assert.equal((await curl(chunked.headers.get('location') ?? '', ...end)).status, 201);
  assert.equal(sha256(await stored('chunked')), sha256(body));
});

for (const protocol of ['ietf-draft-03', 'ietf-draft-05'] as const)
  test(`tus-js-client uploads by ${protocol}, whole, in chunks, and where another stopped`, async () => {
    const body = randomBytes(3_000_000);
    const upload = (name: string, options: object) =>
      new Promise((resolve, reject) => {
        new Upload(body, {
          endpoint: `${origin}/o/many/${name}`,
          headers: { Authorization: `Bearer ${site.token}` },
          retryDelays: [10, 10, 10],
          ...({ protocol } as object),
          ...options,
          onError: reject,
          onSuccess: () => resolve(name),
        }).start();
      });
    await upload(`${protocol}-whole`, {});
    await upload(`${protocol}-chunks`, { chunkSize: 700_000 });
    const at = await begin(`/o/many/${protocol}-later`, '', `Upload-Length: ${body.length}`);
    await patch(at, 0, body.subarray(0, 1_234_567), more);
    await upload('later', { uploadUrl: origin + at });
    for (const kind of ['whole', 'chunks', 'later'])
      assert.equal(sha256(await stored(`${protocol}-${kind}`)), sha256(body), kind);
  });
