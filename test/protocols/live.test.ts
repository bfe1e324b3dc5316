// A publishing point: segments are written once, playlists are not, and who is refused keeps its connection.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const of = { protocol: 'live', bucket: 'channels' };
const site = await createSite({
  buckets: { channels: 'versioned' },
  limits: { maxObjectBytes: 2_000_000 },
  sites: [
    { ...of, path: '/one/', prefix: 'one/', readWhileWriting: ['/one/**'] },
    { ...of, path: '/again/', prefix: 'again/', rewrite: 'replace' },
    { ...of, path: '/short/', prefix: 'short/', window: { seconds: 1 } },
    {
      ...of,
      path: '/own/',
      prefix: 'own/',
      cors: { origins: ['https://a.test'] },
      caching: [{ match: '**', maxAge: 7 }],
    },
  ],
});
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const reader = (await runCli('token', 'add', 'read:channels', '--config', site.config)).trim();
const server = await TestServer.start(site, '--workers', '2', ...listen);
const clear = server.urls[1] ?? '';
after(async () => {
  await server.stop();
  await site.remove();
});

const bearer = `Authorization: Bearer ${site.token}`;
const basic = `Authorization: Basic ${Buffer.from(`encoder:${site.token}`).toString('base64')}`;

const wire = await Wire.open(clear);
after(() => wire.close());

/** All on one connection, as a packager does. */
function send(method: string, path: string, body: string, ...fields: string[]): Promise<Response> {
  const framed = body === '' ? 'Content-Length: 0' : 'Transfer-Encoding: chunked';
  const chunks = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  wire.send(request(method, path, framed, ...fields) + chunks);
  return wire.response(method);
}

/** On a connection of its own, which the answer may end. */
async function alone(method: string, path: string, ...fields: string[]): Promise<Response> {
  const own = await Wire.open(clear);
  own.send(`${request(method, path, 'Content-Length: 1', ...fields)}x`);
  return own.response(method).finally(() => own.close());
}

const put = (path: string, body: string, ...fields: string[]) => send('PUT', path, body, bearer, ...fields);
const waiting = () => server.metric('sealgate_waiting_requests');
const problemOf = ({ body }: Response) => JSON.parse(body.toString());

test('a segment: 201, the same bytes again 200, others 409 since when; one connection', async () => {
  const before = Date.now();
  assert.equal((await put('/one/out0.ts', 'first')).status, 201);
  assert.equal((await put('/one/out0.ts', 'first')).status, 200);
  const other = await put('/one/out0.ts', 'other');
  assert.equal(other.status, 409);
  assert.notEqual(other.headers.get('connection'), 'close');
  const { type, firstReceived } = problemOf(other);
  assert.equal(type, 'urn:sealgate:problem:segment-taken');
  assert.ok(Date.parse(firstReceived) >= before - 1000 && Date.parse(firstReceived) <= Date.now());
  assert.equal((await wire.get('/one/out0.ts')).body.toString(), 'first');
});

test('what was refused is in the log and the metrics', async () => {
  await put('/one/loud.ts', 'first');
  assert.equal((await put('/one/loud.ts', 'other')).status, 409);
  assert.match(server.log(), /an upload to a publishing point was refused; the encoder may not notice/);
  assert.ok((await server.metric('sealgate_problems_total{problem="segment-taken"}')) > 0);
});

test('a deleted segment is 410, and its name free for other bytes', async () => {
  await put('/one/out1.ts', 'first');
  assert.equal((await send('DELETE', '/one/out1.ts', '', bearer)).status, 200);
  assert.equal((await wire.get('/one/out1.ts')).status, 410);
  assert.equal((await put('/one/out1.ts', 'second')).status, 200);
  assert.equal((await wire.get('/one/out1.ts')).body.toString(), 'second');
});

test('a point that says "rewrite": "replace" has a new version', async () => {
  await put('/again/out0.ts', 'first');
  assert.equal((await put('/again/out0.ts', 'second')).status, 200);
  const found = await wire.get('/again/out0.ts');
  assert.equal(found.body.toString(), 'second');
  assert.equal(found.headers.get('cache-control'), 'public, max-age=0, must-revalidate');
});

test('a segment outside the window is gone, and its name free; the playlist stays', async () => {
  await put('/short/out0.ts', 'first');
  await put('/short/out.m3u8', '#EXTM3U');
  await until(
    async () => (await wire.get('/short/out0.ts')).status,
    (status) => status === 410 || status === 404,
    'the end of the window',
  );
  assert.equal((await wire.get('/short/out.m3u8')).status, 200);
  assert.ok((await put('/short/out0.ts', 'second')).status < 300);
  assert.equal((await wire.get('/short/out0.ts')).body.toString(), 'second');
});

for (const [name, type, caching] of [
  ['a.ts', 'video/mp2t', 'public, max-age=2'],
  ['a.m4s', 'video/iso.segment', 'public, max-age=2'],
  ['a.cmfv', 'video/mp4', 'public, max-age=2'],
  ['a.mp2', 'audio/mpeg', 'public, max-age=2'],
  ['a.imsc1', 'application/ttml+xml', 'public, max-age=2'],
  ['a.jpg', 'image/jpeg', 'public, max-age=0, must-revalidate'],
  ['init.mp4', 'video/mp4', 'public, max-age=0, must-revalidate'],
  ['init-stream0.m4s', 'video/iso.segment', 'public, max-age=0, must-revalidate'],
  ['a.key', 'application/octet-stream', 'public, max-age=0, must-revalidate'],
  ['a.m3u8', 'application/vnd.apple.mpegurl', 'public, max-age=1'],
  ['a.mpd', 'application/dash+xml', 'public, max-age=1'],
] as const)
  test(`${name}, sent as application/octet-stream, is ${type}, ${caching}`, async () => {
    const path = `/one/types/${name}`;
    await put(path, name, 'Content-Type: application/octet-stream');
    const { headers } = await wire.get(path);
    assert.equal(headers.get('content-type'), type);
    assert.equal(headers.get('cache-control'), caching);
    assert.equal(headers.get('access-control-allow-origin'), '*');
    assert.equal(headers.get('timing-allow-origin'), '*');
    assert.match(headers.get('cmsd-static') ?? '', /^(ot=(m,sf=[hd]|k|a|c|o),)?st=l$/);
    assert.match(headers.get('access-control-expose-headers') ?? '', /\bAge\b.*\bDate\b/);
  });

test('playlists and init segments that come again with other bytes are new versions', async () => {
  for (const name of ['v.m3u8', 'v.mpd', 'init.m4s']) {
    await put(`/one/${name}`, 'first');
    assert.equal((await put(`/one/${name}`, 'second')).status, 200, name);
    assert.equal((await wire.get(`/one/${name}`)).body.toString(), 'second');
  }
});

test('a site that says cors and caching has its own', async () => {
  await put('/own/a.m3u8', '#EXTM3U');
  const { headers } = await wire.get('/own/a.m3u8', 'Origin: https://b.test');
  assert.equal(headers.get('access-control-allow-origin'), undefined);
  assert.equal(headers.get('cache-control'), 'public, max-age=7');
});

test('HTML is sandboxed, and a playlist that is none is served as it came', async () => {
  await put('/one/page.html', '<script>1</script>');
  assert.equal((await wire.get('/one/page.html')).headers.get('content-security-policy'), 'sandbox');
  await put('/one/none.m3u8', '<html>');
  const { body, headers } = await wire.get('/one/none.m3u8');
  assert.equal(body.toString(), '<html>');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
});

test('an empty PUT or POST says whether a packager may write, and stores nothing', async () => {
  assert.equal((await send('POST', '/one/probe.mp4', '', bearer)).status, 200);
  assert.equal((await send('PUT', '/one/probe.mp4', '')).status, 401);
  assert.equal((await wire.get('/one/probe.mp4')).status, 404);
});

test('POST stores, and a token is a password as well', async () => {
  assert.equal((await send('POST', '/one/post.ts', 'x', basic)).status, 201);
  assert.equal((await wire.get('/one/post.ts')).body.toString(), 'x');
});

test('a large body that is refused for its fields is taken, and the connection stays', async () => {
  const refused = await put('/one/part.ts', 'x'.repeat(300_000), 'Content-Range: bytes 0-299999/*');
  assert.equal(refused.status, 400);
  assert.equal(problemOf(refused).title, 'partial-put-refused');
  assert.notEqual(refused.headers.get('connection'), 'close');
  assert.equal((await put('/one/part.ts', 'x')).status, 201);
});

for (const [what, name, fields, status] of [
  ['no token', 'denied.ts', [], 401],
  ['another token', 'denied.ts', ['Authorization: Bearer nobody'], 401],
  ['a token of readers', 'denied.ts', [`Authorization: Bearer ${reader}`], 403],
  ['a precondition that is false', 'denied.ts', [bearer, 'If-Match: "x"'], 412],
  ['a body that is larger than the server takes', 'denied.ts', [bearer], 413],
  ['other bytes', 'held.ts', [bearer], 409],
  ['a path that is none', '..%2f..%2fdenied.ts', [bearer], 400],
] as const)
  test(`${what}: ${status}, and with a body on its way the connection stays`, async () => {
    await put('/one/held.ts', 'first');
    const [size, piece] = status === 413 ? [3_000_000, 1000] : [300_000, 1000];
    const encoder = await Wire.open(clear);
    for (const framed of [`Content-Length: ${size}`, 'Transfer-Encoding: chunked']) {
      encoder.send(request('PUT', `/one/${name}`, framed, ...fields));
      const [before, behind] = framed.startsWith('C') ? ['', ''] : [`${piece.toString(16)}\r\n`, '\r\n'];
      for (let sent = 0; sent < size; sent += piece) encoder.send(before + 'x'.repeat(piece) + behind);
      if (behind) encoder.send('0\r\n\r\n');
      const answer = await encoder.response('PUT');
      assert.equal(answer.status, status);
      assert.notEqual(answer.headers.get('connection'), 'close');
    }
    assert.equal((await encoder.get('/one/held.ts')).body.toString(), 'first');
    assert.equal((await encoder.get('/one/denied.ts')).status, 404);
    encoder.close();
  });

test('Expect: 100-continue without a token is answered 401 and never 100', async () => {
  const encoder = await Wire.open(clear);
  const expect = ['Expect: 100-continue', 'Transfer-Encoding: chunked'];
  encoder.send(request('PUT', '/one/expect.ts', ...expect));
  assert.equal((await encoder.head()).status, 401);
  encoder.close();
});

for (const [name, is] of [
  ['grow.m4s', 'read'],
  ['grow.ts', 'waited for'],
  ['grow.mts', 'waited for'],
  ['grow.m3u8', 'waited for'],
] as const)
  test(`${name}, while it arrives, is ${is}`, async () => {
    const encoder = await Wire.open(clear);
    // Begun before it: once it can be read, the other one has been heard of, too.
    encoder.send(
      request('PUT', `/one/${name}`, bearer, 'Expect: 100-continue', 'Transfer-Encoding: chunked'),
    );
    assert.equal((await encoder.head()).status, 100);
    encoder.send('1\r\nx\r\n');
    const reader = await Wire.open(clear);
    reader.send(request('GET', `/one/${name}`));
    if (is === 'read') assert.equal((await reader.head()).status, 200);
    else await until(waiting, (count) => count === 1, `${name} is waited for`);
    encoder.send('0\r\n\r\n');
    assert.equal((await encoder.response('PUT')).status, 201);
    if (is !== 'read') assert.equal((await reader.response()).body.toString(), 'x');
    reader.close();
    encoder.close();
    assert.equal((await wire.get(`/one/${name}`)).body.toString(), 'x');
  });

for (const [what, path] of [
  ['the point itself', '/one/'],
  ['a folder', '/one/a/'],
  ['out of the point', '/one/..%2f..%2fx.ts'],
] as const)
  test(`PUT of ${what} is refused`, async () => {
    const { status } = await alone('PUT', path, bearer);
    assert.ok(status === 400 || status === 404, `${status}`);
  });

test('a method that is not there is refused', async () => {
  const { status, headers } = await alone('PATCH', '/one/out0.ts', bearer);
  assert.equal(status, 405);
  assert.equal(headers.get('allow'), 'GET, HEAD, PUT, POST, DELETE, OPTIONS');
});
