// Packagers that lie, never end, flood a publishing point with names, or upload what is no video.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, type Response, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const of = { protocol: 'live', bucket: 'channels' };
const site = await createSite({
  buckets: { channels: 'versioned' },
  limits: { maxObjectBytes: 1_000_000, stallTimeout: 1000 },
  sites: [
    { ...of, path: '/one/', prefix: 'one/' },
    { ...of, path: '/few/', prefix: 'few/', names: { most: 5 } },
    { ...of, path: '/slow/', prefix: 'slow/', names: { perMinute: 3 } },
  ],
});
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...listen);
const clear = server.urls[1] ?? '';
const wire = await Wire.open(clear);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const bearer = `Authorization: Bearer ${site.token}`;

async function put(path: string, body: string, ...fields: string[]): Promise<Response> {
  wire.send(`${request('PUT', path, bearer, `Content-Length: ${body.length}`, ...fields)}${body}`);
  return wire.response('PUT');
}
async function remove(path: string): Promise<void> {
  wire.send(request('DELETE', path, bearer));
  assert.equal((await wire.response('DELETE')).status, 200);
}
const problemOf = ({ body }: Response) => JSON.parse(body.toString());

test('more names than names.most: 507, a line in the log, and names that are there go on', async () => {
  for (let at = 0; at < 5; at++) assert.equal((await put(`/few/out${at}.ts`, `${at}`)).status, 201);
  const refused = await put('/few/out5.ts', '5');
  assert.equal(refused.status, 507);
  const { type, quota, limit } = problemOf(refused);
  assert.deepEqual(
    { type, quota, limit },
    { type: 'urn:sealgate:problem:quota-reached', quota: 'names', limit: 5 },
  );
  const line = /"path":"\/few\/"[^\n]*quota-reached[^\n]*an upload to a publishing point was refused/;
  await until(
    async () => server.log(),
    (log) => line.test(log),
    'the line in the log',
  );
  assert.equal((await put('/few/out4.ts', '4')).status, 200);
  assert.equal((await wire.get('/few/out5.ts')).status, 404);
});

test('names that were deleted make room again', async () => {
  await remove('/few/out0.ts');
  await remove('/few/out1.ts');
  const stored = async () => (await put('/few/out6.ts', '6')).status;
  await until(stored, (status) => status === 201, 'the next count of names');
});

test('more new names in a minute than names.perMinute: 429, and the connection stays', async () => {
  for (let at = 0; at < 3; at++) assert.equal((await put(`/slow/out${at}.ts`, `${at}`)).status, 201);
  const refused = await put('/slow/out3.ts', '3');
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '20');
  assert.equal(problemOf(refused).type, 'urn:sealgate:problem:rate-limited');
  assert.equal((await put('/slow/out2.ts', '2')).status, 200);
});

test('a body that is shorter than Content-Length says and ends: nothing is stored', async () => {
  const liar = await Wire.open(clear);
  liar.send(`${request('PUT', '/one/short.ts', bearer, 'Content-Length: 1000')}x`);
  liar.socket.end();
  await liar.ended();
  assert.equal((await wire.get('/one/short.ts')).status, 404);
});

test('a body longer than Content-Length says: that much is stored, the rest is no request', async () => {
  const liar = await Wire.open(clear);
  liar.send(`${request('PUT', '/one/long.ts', bearer, 'Content-Length: 3')}abcdefgh\r\n\r\n`);
  assert.equal((await liar.response('PUT')).status, 201);
  assert.equal((await liar.response()).status, 400);
  assert.equal((await liar.ended()).by, 'end');
  assert.equal((await wire.get('/one/long.ts')).body.toString(), 'abc');
});

test('a body that never ends: 413, and then the connection ends', async () => {
  const endless = await Wire.open(clear);
  endless.send(request('PUT', '/one/endless.ts', bearer, 'Transfer-Encoding: chunked'));
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  for (let sent = 0; sent < 70 * 1024 * 1024; sent += 0x10000) {
    if (!endless.socket.writable) break;
    endless.send(chunk);
  }
  assert.equal((await endless.response('PUT')).status, 413);
  await endless.ended();
  assert.equal((await wire.get('/one/endless.ts')).status, 404);
});

test('a body that stops: 408, nothing is stored', async () => {
  const silent = await Wire.open(clear);
  silent.send(`${request('PUT', '/one/silent.ts', bearer, 'Content-Length: 1000')}x`);
  assert.equal((await silent.response('PUT')).status, 408);
  assert.equal((await wire.get('/one/silent.ts')).status, 404);
});

for (const [what, body] of [
  ['an HTML page', '<html><script>1</script></html>'],
  ['a NUL', '\0'],
  ['a header alone', '#EXTM3U'],
  ['numbers that are none', '#EXTM3U\n#EXT-X-TARGETDURATION:-1\n#EXT-X-MEDIA-SEQUENCE:1e400\na.ts\n'],
  ['names that lead elsewhere', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n../../x.ts\nhttp://[/x.ts\n%2e%2e/y.ts\n'],
  ['one line of a megabyte', `#EXTM3U\n${'#'.repeat(900_000)}`],
  ['an MPD that has no end', `<MPD ${'a="b" '.repeat(100_000)}`],
  ['bytes that are no UTF-8', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n\xff\xfe\x80.ts\n'],
] as const)
  test(`a playlist that is ${what} is served as it came`, async () => {
    for (const name of ['m3u8', 'mpd']) {
      const path = `/one/none/${what.replaceAll(' ', '-')}.${name}`;
      assert.equal((await put(path, body)).status, 201);
      const found = await wire.get(path);
      assert.equal(found.body.toString('latin1'), body);
      assert.equal(found.headers.get('x-content-type-options'), 'nosniff');
    }
  });

for (const [name, said] of [
  ['page.html', 'video/mp4'],
  ['page.xhtml', 'video/mp4'],
  ['picture.svg', 'image/svg+xml'],
  ['data.xml', 'text/xml'],
  ['page', 'text/html'],
  ['page.unknown', 'text/html; charset=utf-8'],
] as const)
  test(`${name}, sent as ${said}, runs no scripts`, async () => {
    const path = `/one/pages/${name}`;
    await put(path, '<script>1</script>', `Content-Type: ${said}`);
    const { headers } = await wire.get(path);
    assert.equal(headers.get('content-security-policy'), 'sandbox');
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  });

test('HTML under the name of a segment or playlist is what the name says', async () => {
  for (const [name, type] of [
    ['page.ts', 'video/mp2t'],
    ['page.m3u8', 'application/vnd.apple.mpegurl'],
    ['page.mpd', 'application/dash+xml'],
  ] as const) {
    await put(`/one/pages/${name}`, '<script>1</script>', 'Content-Type: text/html');
    const { headers } = await wire.get(`/one/pages/${name}`);
    assert.equal(headers.get('content-type'), type);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
});

for (const path of [
  '/one/../few/escaped.ts',
  '/one/%2e%2e/few/escaped.ts',
  '/one/..%2ffew%2fescaped.ts',
  '/one/a/..%5c..%5cfew/escaped.ts',
  '/one/escaped%00.ts',
  '/one/escaped%0a.ts',
  '/one/%c0%ae%c0%ae/escaped.ts',
  '/one//escaped.ts/',
])
  test(`PUT ${path} writes nothing outside the point`, async () => {
    const own = await Wire.open(clear);
    own.send(`${request('PUT', path, bearer, 'Content-Length: 1')}x`);
    const { status } = await own.response('PUT');
    own.close();
    assert.ok(status >= 200 && status < 500, `${status}`);
    assert.equal((await wire.get('/few/escaped.ts')).status, 404);
  });
