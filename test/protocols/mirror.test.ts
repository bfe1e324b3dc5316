// A mirror: objects of a real server on loopback, fetched when they are first asked for, kept, and asked for
// again when they are not fresh any more.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** What the first upstream has, by target. */
const files = new Map<string, { body: string; fields?: Record<string, string> }>();
let status = 200;
const first = await startUpstream((request, response) => {
  const file = files.get(request.url ?? '');
  response.statusCode = status === 200 && !file ? 404 : status;
  if (status !== 200 || !file) return void response.end('no');
  for (const [name, value] of Object.entries(file.fields ?? {})) response.setHeader(name, value);
  const { etag = '-', 'last-modified': modified = '-' } = file.fields ?? {};
  const { 'if-none-match': tag, 'if-modified-since': since } = request.headers;
  if (tag === undefined ? since === modified : tag === etag) response.statusCode = 304;
  response.end(response.statusCode === 304 ? undefined : file.body);
});
const second = await startUpstream((request, response) => {
  if (request.url?.startsWith('/second')) response.end(`second ${request.url}`);
  else response.writeHead(404).end();
});

const mirrored = await startMirrors(
  {
    first: { url: `${first.url}base/`, attempts: 1 },
    second: { url: second.url },
    quick: { url: `${first.url}base/now/quick/` },
  },
  [
    {
      path: '/quick/',
      prefix: 'quick/',
      upstreams: ['quick'],
      cacheStatus: true,
      mirror: {
        rules: [{ match: '/quick/**', freshSeconds: 0 }],
        staleWhileRevalidateSeconds: 600,
        negativeSeconds: 0,
      },
    },
    {
      path: '/m/',
      upstreams: ['first', 'second'],
      cacheStatus: true,
      mirror: {
        local: ['/m/own/**'],
        rules: [
          { match: '/m/lasting/**', immutable: true },
          { match: '/m/sha256/*', immutable: true, sha256: '$1' },
          { match: '/m/minute/**', freshSeconds: 60 },
          { match: '/m/now/**', freshSeconds: 0 },
        ],
        staleIfErrorSeconds: 60,
      },
    },
  ],
);
const { server, site } = mirrored;
after(async () => {
  await mirrored.stop();
  first.close();
  second.close();
});
beforeEach(() => {
  first.asked.length = 0;
  second.asked.length = 0;
  status = 200;
});

const text = async (path: string, ...args: string[]) => {
  const { status, body } = await server.curl(path, ...args);
  return `${status} ${body.toString()}`;
};
const said = async (path: string) =>
  (await server.curl(path)).headers.get('cache-status')?.replace(/, sealgate.*/, '');

test('what was fetched once under an immutable rule is not asked for again, by any worker', async () => {
  files.set('/base/lasting/a%20b%25.txt', { body: 'one', fields: { 'content-type': 'text/x-one' } });
  for (let time = 0; time < 8; time++) assert.equal(await text('/m/lasting/a%20b%25.txt'), '200 one');
  assert.deepEqual(first.asked, ['GET /base/lasting/a%20b%25.txt']);
  const { headers } = await server.curl('/m/lasting/a%20b%25.txt');
  assert.equal(headers.get('etag'), `"${sha256('one')}"`);
  assert.equal(headers.get('content-type'), 'text/x-one');
  assert.match(headers.get('cache-control') ?? '', /max-age=31536000, immutable/);
  assert.equal([...headers.keys()].filter((name) => name.startsWith('sealgate-meta')).length, 0);
});

test('without a rule the fields of the upstream say for how long an object is fresh', async () => {
  files.set('/base/hour', { body: 'h', fields: { 'cache-control': 'max-age=3600' } });
  files.set('/base/asked', { body: 'a', fields: { 'cache-control': 'no-cache', etag: '"1"' } });
  for (const path of ['/m/hour', '/m/hour', '/m/asked', '/m/asked']) await server.curl(path);
  assert.deepEqual(first.asked, ['GET /base/hour', 'GET /base/asked', 'GET /base/asked']);
});

test('304 keeps an object, and 200 replaces it', async () => {
  const fields = { etag: '"v1"', 'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT' };
  files.set('/base/now/x', { body: 'v1', fields });
  assert.equal(await text('/m/now/x'), '200 v1');
  assert.equal(await said('/m/now/x'), 'mirror; fwd=stale; fwd-status=304');
  assert.equal(first.fields.at(-1)?.['if-none-match'], '"v1"');
  assert.equal(first.fields.at(-1)?.['if-modified-since'], 'Fri, 27 Nov 2026 10:00:00 GMT');
  const { headers } = await server.curl('/m/now/x');
  assert.equal(headers.get('last-modified'), 'Fri, 27 Nov 2026 10:00:00 GMT');
  files.set('/base/now/x', { body: 'v2', fields: { etag: '"v2"' } });
  assert.equal(await text('/m/now/x'), '200 v2');
  assert.equal(await text('/o/mirror/now/x'), '200 v2');
});

test('an object without an ETag is asked for by its time', async () => {
  files.set('/base/now/timed', { body: 't', fields: { 'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT' } });
  await server.curl('/m/now/timed');
  assert.equal(await said('/m/now/timed'), 'mirror; fwd=stale; fwd-status=304');
});

test('a client that has the newest bytes gets 304, fresh or not', async () => {
  files.set('/base/now/cond', { body: 'c', fields: { etag: '"c"' } });
  await server.curl('/m/now/cond');
  const { status, body } = await server.curl('/m/now/cond', '-H', `If-None-Match: "${sha256('c')}"`);
  assert.deepEqual([status, body.length], [304, 0]);
});

test('an upstream fails: what it sent before is sent while it is not too old, and else 502', async () => {
  files.set('/base/now/stale', { body: 'kept', fields: { etag: '"k"' } });
  await server.curl('/m/now/stale');
  status = 500;
  const before = first.asked.length;
  assert.equal(await text('/m/now/stale'), '200 kept');
  assert.equal(await said('/m/now/stale'), 'mirror; fwd=stale; detail=upstream-failed');
  assert.equal(first.asked.length, before + 1, 'it is not tried by each request');
  assertProblem(await server.curl('/m/now/other'), 502, 'upstream-failed');
});

test('in its time an object that is not fresh is sent at once, and asked for meanwhile', async () => {
  files.set('/base/now/quick/x', { body: 'old', fields: { etag: '"old"' } });
  assert.equal(await text('/quick/x'), '200 old');
  files.set('/base/now/quick/x', { body: 'new', fields: { etag: '"new"' } });
  const { body, headers } = await server.curl('/quick/x');
  assert.equal(body.toString(), 'old');
  assert.match(headers.get('cache-status') ?? '', /^mirror; hit; detail=stale/);
  await until(
    () => text('/quick/x'),
    (now) => now === '200 new',
    'the new one',
  );
  files.delete('/base/now/quick/x');
  await until(
    () => text('/quick/x'),
    (now) => now.startsWith('404'),
    'that it is gone',
  );
  assert.match(await text('/quick/x'), /^404/);
});

test('a name that no upstream has is asked for once in a while, at the next upstream too', async () => {
  for (let time = 0; time < 4; time++) assertProblem(await server.curl('/m/none'), 404, 'not-found');
  assert.deepEqual([first.asked, second.asked], [['GET /base/none'], ['GET /none']]);
});

test('the second upstream is asked for what the first does not have, and not when that fails', async () => {
  assert.equal(await text('/m/second/a'), '200 second /second/a');
  assert.deepEqual([first.asked, second.asked], [['GET /base/second/a'], ['GET /second/a']]);
  status = 500;
  assertProblem(await server.curl('/m/second/b'), 502, 'upstream-failed');
  assert.deepEqual(second.asked, ['GET /second/a']);
});

test('what matches a local pattern is never asked for, and read from the bucket', async () => {
  files.set('/base/own/tool', { body: 'not yours' });
  assertProblem(await server.curl('/m/own/tool'), 404, 'not-found');
  assertProblem(await server.curl('/m/x/../own//t%6Fol'), 404, 'not-found');
  const file = join(site.dir, 'tool');
  await writeFile(file, 'ours');
  await server.put('/o/mirror/own/tool', file);
  assert.equal(await text('/m/own/tool'), '200 ours');
  assert.deepEqual(first.asked, []);
});

test('HEAD of an object that is not here asks the upstream by HEAD, and stores nothing', async () => {
  const modified = 'Fri, 27 Nov 2026 10:00:00 GMT';
  files.set('/base/minute/head', {
    body: 'headed',
    fields: { 'content-type': 'text/x-head', 'last-modified': modified, 'content-length': '6' },
  });
  const { status, headers } = await server.curl('/m/minute/head', '-I');
  const fields = ['content-length', 'content-type', 'last-modified', 'cache-status'];
  assert.deepEqual(
    [status, ...fields.map((name) => headers.get(name)?.replace(/, sealgate.*/, ''))],
    [200, '6', 'text/x-head', modified, 'mirror; fwd=miss'],
  );
  assert.equal((await server.curl('/m/minute/head', '-I')).status, 200);
  assert.deepEqual(first.asked, ['HEAD /base/minute/head'], 'it is known for a minute');
  assert.equal((await server.curl('/o/mirror/minute/head')).status, 404);
  assert.equal(await text('/m/minute/head'), '200 headed');
  assert.deepEqual(first.asked, ['HEAD /base/minute/head', 'GET /base/minute/head']);
});

test('HEAD of an object that is not fresh compares validators, and fetches no newer one', async () => {
  files.set('/base/now/head', { body: 'v1', fields: { etag: '"h1"' } });
  await server.curl('/m/now/head');
  assert.equal((await server.curl('/m/now/head', '-I')).headers.get('etag'), `"${sha256('v1')}"`);
  assert.equal(first.fields.at(-1)?.['if-none-match'], '"h1"');
  files.set('/base/now/head', { body: 'longer', fields: { etag: '"h2"', 'content-length': '6' } });
  assert.equal((await server.curl('/m/now/head', '-I')).headers.get('content-length'), '6');
  assert.equal(await text('/o/mirror/now/head'), '200 v1');
  const head = 'HEAD /base/now/head';
  assert.deepEqual(first.asked, ['GET /base/now/head', head, head]);
});

test('HEAD is refused as GET is: absent for a while, failing, too large, not to be kept', async () => {
  const head = async (path: string) => (await server.curl(path, '-I')).status;
  for (let time = 0; time < 3; time++) assert.equal(await head('/m/minute/nowhere'), 404);
  assert.deepEqual(first.asked, ['HEAD /base/minute/nowhere']);
  assert.deepEqual(second.asked, ['HEAD /minute/nowhere']);
  assert.equal((await server.curl('/m/minute/nowhere')).status, 404);
  assert.equal(first.asked.length, 1, 'the name is absent for GET, too');
  files.set('/base/large', { body: '', fields: { 'content-length': `${2 ** 40}` } });
  files.set('/base/private', { body: '', fields: { 'cache-control': 'private' } });
  for (const path of ['/m/large', '/m/private']) assert.equal(await head(path), 502);
  status = 503;
  assert.equal(await head('/m/minute/failing'), 502);
});

test('HEAD that leads to a URL which is good for GET alone fetches the object', async () => {
  const { answer } = first;
  first.answer = ({ method, url }, response) => {
    if (url === '/base/minute/signed') response.writeHead(method === 'HEAD' ? 403 : 200);
    else response.writeHead(302, { location: 'signed' });
    response.end('whole');
  };
  const { status } = await server.curl('/m/minute/to-signed', '-I');
  first.answer = answer;
  assert.equal(status, 200);
  assert.deepEqual(first.asked.slice(-2), ['GET /base/minute/to-signed', 'GET /base/minute/signed']);
});

test('HEAD of an upstream that does none fetches the object', async () => {
  files.set('/base/minute/no-head', { body: 'whole' });
  const { answer } = first;
  first.answer = (request, response) => {
    if (request.method === 'HEAD') response.writeHead(405).end();
    else answer(request, response);
  };
  const { status, headers } = await server.curl('/m/minute/no-head', '-I');
  first.answer = answer;
  assert.deepEqual([status, headers.get('content-length')], [200, '5']);
  assert.deepEqual(first.asked, ['HEAD /base/minute/no-head', 'GET /base/minute/no-head']);
});

test('a name with its digest gets these bytes alone', async () => {
  const right = sha256('right');
  files.set(`/base/sha256/${right}`, { body: 'right' });
  assert.equal(await text(`/m/sha256/${right}`), '200 right');
  assert.equal(await text(`/m/sha256/${right}`), '200 right');
  assert.equal(first.asked.length, 1);
});

test('an object that is deleted is fetched again', async () => {
  files.set('/base/lasting/again', { body: 'again' });
  await server.curl('/m/lasting/again');
  await server.curl('/o/mirror/lasting/again', '-X', 'DELETE', '-H', `Authorization: Bearer ${site.token}`);
  assert.equal(await text('/m/lasting/again'), '200 again');
  assert.equal(first.asked.length, 2);
});

test('private and no-store are refused, unless a rule says for how long to keep the object', async () => {
  files.set('/base/secret', { body: 's', fields: { 'cache-control': 'private' } });
  files.set('/base/minute/secret', { body: 's', fields: { 'cache-control': 'no-store' } });
  assertProblem(await server.curl('/m/secret'), 502, 'upstream-unusable');
  assert.equal(await text('/m/minute/secret'), '200 s');
});

test('a page of another server runs no script here', async () => {
  files.set('/base/minute/page', { body: '<p>', fields: { 'content-type': 'text/html' } });
  await server.curl('/m/minute/page');
  const { headers } = await server.curl('/m/minute/page');
  assert.match(headers.get('content-security-policy') ?? '', /sandbox/);
});

test('nothing is written through a mirror', async () => {
  const file = join(site.dir, 'up');
  await writeFile(file, 'up');
  assertProblem(await server.put('/m/up', file), 405, 'method-not-allowed');
});

test('metrics tell what came of fetches', async () => {
  assert.ok((await server.metric('sealgate_upstream_fetches_total{upstream="first",outcome="whole"}')) > 5);
  assert.ok(
    (await server.metric('sealgate_upstream_fetches_total{upstream="first",outcome="not-modified"}')) > 1,
  );
  assert.ok((await server.metric('sealgate_upstream_received_bytes_total{upstream="first"}')) > 10);
  assert.equal(await server.metric('sealgate_upstream_fetches_under_way{upstream="first"}'), 0);
});
