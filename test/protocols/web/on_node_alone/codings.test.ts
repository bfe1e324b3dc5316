// Content codings of a web site's objects: who gets which, that each is made once, and that it is a
// representation of its own, with its own entity tag, ranges and conditions (RFC 9110 12.5.3).

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { createSite, type Response, TestServer } from '../../../support/server.ts';
import { until } from '../../../support/wait.ts';

const rows = Array.from({ length: 3000 }, (_, i) => `row ${i} of ${i % 7}`);
const text = `${rows.join('\n')}\n`;
const files: Record<string, string | Buffer> = {
  'app.js': text,
  'ranges.js': text.toUpperCase(),
  'other.js': text.slice(1),
  'index.html': text.slice(2),
  'small.js': 'let a;',
  'short.js': text.slice(0, 256),
  'noise.json': randomBytes(5000),
  'noise.png': text,
  'font.woff2': text,
};

const site = await createSite({
  // Each keeps plans of its own.
  workers: 1,
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    { host: 'www.test', bucket: 'web', compress: true },
    { host: 'cross.test', bucket: 'web', compress: true, cors: { origins: ['https://app.test'] } },
    { host: 'plain.test', bucket: 'web' },
    { host: 'gzip.test', bucket: 'web', compress: { codings: ['gzip'], types: ['image/*'], minBytes: 2 } },
    { host: 'up.test', protocol: 'objects' },
  ],
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});

async function put(name: string, bytes: string | Buffer, ...args: string[]): Promise<void> {
  const file = join(site.dir, 'upload');
  await writeFile(file, bytes);
  const authorization = ['-H', `Authorization: Bearer ${site.token}`, '-H', 'Host: up.test'];
  const { status } = await server.curl(`/o/web/${name}`, ...authorization, '-T', file, ...args);
  assert.ok(status === 201 || status === 200, `${status}`);
}
for (const [name, bytes] of Object.entries(files)) await put(name, bytes);

const get = (path: string, accepted: string, ...args: string[]): Promise<Response> =>
  server.curl(path, '-H', 'Host: www.test', '-H', `Accept-Encoding: ${accepted}`, ...args);
const codingOf = ({ headers }: Response) => headers.get('content-encoding');

/** Resolves with the answer once it comes in this coding. */
function coded(path: string, accepted: string, coding: string, host = 'www.test'): Promise<Response> {
  const ask = () => server.curl(path, '-H', `Host: ${host}`, '-H', `Accept-Encoding: ${accepted}`);
  return until(ask, (answer) => codingOf(answer) === coding, `${path} in ${coding}`);
}

test('the first request gets the bytes as they are, a later one the best coding', async () => {
  const first = await get('/app.js', 'gzip, deflate, br, zstd');
  assert.deepEqual([first.status, codingOf(first), first.body.toString()], [200, undefined, text]);
  assert.equal(first.headers.get('vary'), 'Accept-Encoding');
  const later = await coded('/app.js', 'gzip, deflate, br, zstd', 'br');
  assert.ok(later.body.length < text.length / 4, `${later.body.length}`);
  assert.equal(brotliDecompressSync(later.body).toString(), text);
  assert.equal(later.headers.get('vary'), 'Accept-Encoding');
  assert.equal(later.headers.get('content-type'), first.headers.get('content-type'));
  assert.notEqual(later.headers.get('etag'), first.headers.get('etag'));
  assert.notEqual(later.headers.get('repr-digest'), first.headers.get('repr-digest'));
});

test('each client gets what it accepts, from kept plans that are never mixed up', async () => {
  await coded('/app.js', 'br', 'br');
  await coded('/app.js', 'gzip', 'gzip');
  await coded('/app.js', 'zstd', 'zstd');
  const wanted = {
    br: 'br',
    'gzip;q=1, br;q=0.5': 'gzip',
    'gzip, zstd': 'zstd',
    'gzip;q=0, *;q=0': undefined,
    'identity;q=1, *;q=0': undefined,
    deflate: undefined,
    '': undefined,
  };
  const round = async () => {
    for (const [accepted, coding] of Object.entries(wanted)) {
      const answer = await get('/app.js', accepted);
      assert.deepEqual([answer.status, codingOf(answer)], [200, coding], accepted);
      assert.equal(answer.headers.get('vary'), 'Accept-Encoding');
      if (coding === 'gzip') assert.equal(gunzipSync(answer.body).toString(), text);
      if (coding === undefined) assert.equal(answer.body.toString(), text);
    }
  };
  await round();
  const before = await server.metric('sealgate_plan_cache_hits_total');
  await round();
  const hits = (await server.metric('sealgate_plan_cache_hits_total')) - before;
  assert.equal(hits, Object.keys(wanted).length);
});

test('curl --compressed gets what was stored', async () => {
  await coded('/app.js', 'br', 'br');
  const answer = await server.curl('/app.js', '-H', 'Host: www.test', '--compressed');
  assert.notEqual(codingOf(answer), undefined);
  assert.equal(answer.body.toString(), text);
});

test('a range without an entity tag is of the bytes as they are, so that a download can go on', async () => {
  await coded('/ranges.js', 'br', 'br');
  const plain = await get('/ranges.js', 'identity');
  for (const fields of [[], ['-H', 'If-None-Match: "other"']]) {
    const range = await get('/ranges.js', 'br', '-r', '10-19', ...fields);
    assert.deepEqual([range.status, codingOf(range)], [206, undefined]);
    assert.deepEqual(range.body, plain.body.subarray(10, 20));
    for (const name of ['etag', 'vary']) assert.equal(range.headers.get(name), plain.headers.get(name));
  }
  const rest = ['-C', '1000', '-H', 'Host: www.test', '--compressed'];
  assert.deepEqual((await server.curl('/ranges.js', ...rest)).body, plain.body.subarray(1000));
});

test('a range with an entity tag, and a condition, are of the coding that the client gets', async () => {
  const br = await coded('/ranges.js', 'br', 'br');
  const plain = await get('/ranges.js', 'identity');
  const etag = `${br.headers.get('etag')}`;
  const range = await get('/ranges.js', 'br', '-r', '10-19', '-H', `If-Range: ${etag}`);
  assert.deepEqual([range.status, codingOf(range)], [206, 'br']);
  assert.equal(range.headers.get('content-range'), `bytes 10-19/${br.body.length}`);
  assert.deepEqual(range.body, br.body.subarray(10, 20));
  const same = await get('/ranges.js', 'br', '-H', `If-None-Match: ${etag}`);
  assert.deepEqual(
    [same.status, codingOf(same), same.headers.get('vary')],
    [304, undefined, 'Accept-Encoding'],
  );
  assert.equal(same.headers.get('etag'), etag);
  assert.equal((await get('/ranges.js', 'identity', '-H', `If-None-Match: ${etag}`)).status, 200);
  const other = await get('/ranges.js', 'br', '-r', '0-1', '-H', `If-Range: ${plain.headers.get('etag')}`);
  assert.deepEqual([other.status, other.body.length], [200, br.body.length]);
  const head = await get('/ranges.js', 'br', '-I');
  assert.deepEqual([head.headers.get('etag'), codingOf(head)], [etag, 'br']);
  assert.equal(head.headers.get('content-length'), `${br.body.length}`);
});

test('256 bytes are worth a coding', async () => {
  const { body } = await coded('/short.js', 'br', 'br');
  assert.ok(body.length < 256);
});

test('what is small, of another type, or becomes no smaller is sent as it is', async () => {
  await coded('/other.js', 'br', 'br');
  for (const name of ['small.js', 'noise.png', 'font.woff2']) {
    const answer = await get(`/${name}`, 'gzip, br');
    assert.deepEqual([codingOf(answer), answer.headers.get('vary')], [undefined, undefined], name);
  }
  const useless = () => server.metric('sealgate_codings_total{outcome="useless"}');
  await get('/noise.json', 'br');
  await until(useless, (count) => count === 1, 'a useless coding');
  assert.equal(codingOf(await get('/noise.json', 'br')), undefined);
  assert.equal(await useless(), 1);
});

test('a site without compress sends the bytes as they are, and another one what it was told', async () => {
  const plain = await server.curl('/app.js', '-H', 'Host: plain.test', '-H', 'Accept-Encoding: br');
  assert.deepEqual([codingOf(plain), plain.headers.get('vary')], [undefined, undefined]);
  const image = await coded('/noise.png', 'br, gzip', 'gzip', 'gzip.test');
  assert.equal(gunzipSync(image.body).toString(), text);
});

test('what was uploaded in a coding is sent as it came', async () => {
  const own = gzipSync(text);
  await put('own.js', own, '-H', 'Content-Encoding: gzip', '-H', 'Content-Type: text/javascript');
  for (const accepted of ['gzip, br', 'identity']) {
    const answer = await get('/own.js', accepted);
    assert.deepEqual([codingOf(answer), answer.headers.get('vary')], ['gzip', undefined]);
    assert.deepEqual(answer.body, own);
  }
});

test('what a build left beside a file is taken where it decodes to that file', async () => {
  const [right, wrong] = [gzipSync(text, { level: 1 }), gzipSync(`${text}wrong`, { level: 1 })];
  const [first, second] = [`${text}first`, `${text}second`];
  await put('built.js', text.slice(9));
  await put('built.js.gz', gzipSync(text.slice(9), { level: 1 }));
  await put('stale.js', first);
  await put('stale.js.gz', wrong);
  await put('swollen.js', second);
  await put('swollen.js.gz', Buffer.concat([right, right]));
  const built = await coded('/built.js', 'gzip', 'gzip');
  assert.deepEqual(built.body, gzipSync(text.slice(9), { level: 1 }));
  assert.equal(gunzipSync((await coded('/stale.js', 'gzip', 'gzip')).body).toString(), first);
  assert.equal(gunzipSync((await coded('/swollen.js', 'gzip', 'gzip')).body).toString(), second);
});

test('a name that is overwritten has the coding of its new bytes', async () => {
  await put('moves.js', text);
  await coded('/moves.js', 'br', 'br');
  const now = `${text}more`;
  await put('moves.js', now);
  const first = await get('/moves.js', 'br');
  assert.equal(
    (codingOf(first) === undefined ? first.body : brotliDecompressSync(first.body)).toString(),
    now,
  );
  assert.equal(brotliDecompressSync((await coded('/moves.js', 'br', 'br')).body).toString(), now);
});

test('the index of a folder is coded, and an answer to another origin varies by both', async () => {
  const answer = await coded('/', 'br', 'br');
  assert.equal(brotliDecompressSync(answer.body).toString(), text.slice(2));
  const origin = ['-H', 'Origin: https://app.test', '-H', 'Host: cross.test', '-H', 'Accept-Encoding: br'];
  const crossing = await server.curl('/', ...origin);
  assert.deepEqual([codingOf(crossing), crossing.headers.get('vary')], ['br', 'Accept-Encoding, Origin']);
});

test('codings are seen in the metrics', async () => {
  assert.ok((await server.metric('sealgate_codings_total{outcome="made"}')) >= 6);
  const [before, after] = await Promise.all(
    ['before', 'after'].map((when) => server.metric(`sealgate_coded_bytes_total{when="${when}"}`)),
  );
  assert.ok(before && after && after < before / 3, `${before} ${after}`);
});
