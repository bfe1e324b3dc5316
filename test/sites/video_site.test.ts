// A site with "preset": "video" has what players need by default: Cache-Control by what a name is in a
// presentation, and fields for pages of other origins. Its own rules and what is recorded come first.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';

const immutable = 'public, max-age=31536000, immutable';
const files: Record<string, [type: string, caching: string]> = {
  'film/master.m3u8': ['application/vnd.apple.mpegurl', 'public, max-age=2'],
  'film/manifest.mpd': ['application/dash+xml', 'public, max-age=2'],
  'film/init.mp4': ['video/mp4', immutable],
  'film/1.m4s': ['video/iso.segment', immutable],
  'film/1.ts': ['video/mp2t', immutable],
  'film/1.aac': ['audio/aac', immutable],
  'film/1.M4V': ['video/mp4', immutable],
  'film/a.cmfa': ['audio/mp4', immutable],
  'film/t.cmft': ['application/mp4', immutable],
  'film/en.vtt': ['text/vtt; charset=utf-8', 'public, max-age=3600'],
  'film/en.ttml': ['application/ttml+xml', 'public, max-age=3600'],
  'film/tile.jpg': ['image/jpeg', 'public, max-age=3600'],
  'film/aes.key': ['application/octet-stream', 'no-store'],
  'index.html': ['text/html; charset=utf-8', 'public, max-age=0, must-revalidate'],
};
const site = await createSite({
  buckets: { films: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    { host: 'plain.test', bucket: 'films' },
    { host: 'video.test', bucket: 'films', preset: 'video' },
    { host: 'objects.test', protocol: 'objects', preset: 'video' },
    {
      ...{ host: 'ruled.test', bucket: 'films', preset: 'video' },
      caching: [{ match: '/film/*.m3u8', maxAge: 60 }],
      fields: [{ match: '/**', remove: ['CMSD-Static'] }],
      cors: { origins: ['https://player.test'], maxAge: 5, exposed: ['Age'] },
    },
    {
      ...{ host: 'one.test', bucket: 'films', preset: 'video' },
      cors: { origins: ['https://player.test'] },
    },
  ],
});
const tree = join(site.dir, 'tree');
for (const name of Object.keys(files)) {
  await mkdir(dirname(join(tree, name)), { recursive: true });
  // Media is no UTF-8, so that only types of text get a charset; a key has 16 bytes.
  const isText = name.endsWith('.html') || name.endsWith('.vtt');
  const media = Buffer.alloc(16, 0xff);
  await writeFile(join(tree, name), isText ? `text of ${name}` : media);
}
await runCli('import', tree, '--bucket', 'films', '--config', site.config);
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});

const get = (host: string, path: string, ...args: string[]): Promise<Response> =>
  server.curl(path, '-H', `Host: ${host}`, ...args);

for (const [name, [type, caching]] of Object.entries(files)) {
  test(`${name} of a video site is ${type}, ${caching}, twice`, async () => {
    for (let times = 0; times < 2; times++)
      for (const [host, path] of [
        ['video.test', `/${name}`],
        ['objects.test', `/o/films/${name}`],
      ] as const) {
        const { status, headers } = await get(host, path);
        assert.equal(status, 200);
        assert.equal(headers.get('content-type'), type);
        assert.equal(headers.get('cache-control'), caching, host);
      }
  });
}

for (const [name, said] of [
  ['film/master.m3u8', 'ot=m,sf=h'],
  ['film/manifest.mpd', 'ot=m,sf=d'],
  ['film/1.aac', 'ot=a'],
  ['film/en.vtt', 'ot=c'],
  ['film/t.cmft', 'ot=tt'],
  ['film/aes.key', 'ot=k'],
  ['film/tile.jpg', 'ot=o'],
  ['film/1.m4s', undefined],
  ['index.html', undefined],
] as const)
  test(`CMSD-Static of ${name} is ${said}, twice, and in answers without a body`, async () => {
    for (const args of [[], [], ['-I'], ['-H', 'Range: bytes=0-1']]) {
      const { headers } = await get('video.test', `/${name}`, ...args);
      assert.equal(headers.get('cmsd-static'), said);
    }
    assert.equal((await get('plain.test', `/${name}`)).headers.get('cmsd-static'), undefined);
  });

test('CMSD-Static is not said of what is not there, and a rule of the site can take it away', async () => {
  assert.equal((await get('video.test', '/film/none.m3u8')).headers.get('cmsd-static'), undefined);
  const { status, headers } = await get('ruled.test', '/film/master.m3u8');
  assert.deepEqual([status, headers.get('cmsd-static')], [200, undefined]);
});

test('a site without the preset says by the kind of its bucket, and nothing to other origins', async () => {
  const { headers } = await get('plain.test', '/film/1.ts', '-H', 'Origin: https://player.test');
  assert.equal(headers.get('cache-control'), 'public, max-age=0, must-revalidate');
  assert.equal(headers.get('access-control-allow-origin'), undefined);
});

test('pages of all origins read a video site and measure it, errors and ranges too', async () => {
  for (const [path, status, ...args] of [
    ['/film/1.ts', 200],
    ['/film/1.ts', 206, '-r', '0-3'],
    ['/film/none.ts', 404],
  ] as [string, number, ...string[]][]) {
    const answer = await get('video.test', path, '-H', 'Origin: https://player.test', ...args);
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    assert.equal(answer.headers.get('timing-allow-origin'), '*');
    const exposed = answer.headers.get('access-control-expose-headers')?.split(', ') ?? [];
    for (const field of ['Age', 'Content-Length', 'Content-Range', 'Date', 'ETag', 'Server-Timing'])
      assert.ok(exposed.includes(field), field);
    assert.equal(answer.headers.get('vary'), undefined);
  }
});

test('a preflight for fields of CMCD is allowed for a day', async () => {
  const { status, headers } = await get(
    ...(['video.test', '/film/1.ts', '-X', 'OPTIONS', '-H', 'Origin: https://player.test'] as const),
    ...['-H', 'Access-Control-Request-Method: GET'],
    ...['-H', 'Access-Control-Request-Headers: cmcd-object,cmcd-request,range'],
  );
  assert.equal(status, 204);
  assert.equal(headers.get('access-control-allow-headers'), 'cmcd-object,cmcd-request,range');
  assert.equal(headers.get('access-control-max-age'), '86400');
});

test('rules of the site come before the preset, and its cors with what it leaves out filled in', async () => {
  const answer = await get('ruled.test', '/film/master.m3u8', '-H', 'Origin: https://player.test');
  assert.equal(answer.headers.get('cache-control'), 'public, max-age=60');
  assert.equal(answer.headers.get('access-control-expose-headers'), 'Age');
  assert.equal(answer.headers.get('timing-allow-origin'), 'https://player.test');
  const other = await get('ruled.test', '/film/1.ts', '-H', 'Origin: https://other.test');
  assert.equal(other.headers.get('cache-control'), immutable);
  assert.equal(other.headers.get('access-control-allow-origin'), undefined);
  const one = await get('one.test', '/film/1.ts', '-H', 'Origin: https://player.test');
  assert.equal(one.headers.get('access-control-allow-origin'), 'https://player.test');
  assert.ok(one.headers.get('access-control-expose-headers')?.includes('Date'));
});

test('a recorded Cache-Control comes before the preset', async () => {
  const file = join(site.dir, 'token');
  await writeFile(file, site.token, { mode: 0o600 });
  const beside = ['--config', site.config, '--token-file', file];
  await runCli(
    ...['put', join(tree, 'film/1.ts'), 'films/film/2.ts', '--cache-control', 'max-age=7', ...beside],
  );
  assert.equal((await get('video.test', '/film/2.ts')).headers.get('cache-control'), 'max-age=7');
});

test('explain says for what the preset takes a path', async () => {
  const said = async (url: string) =>
    (await fetch(`${server.control}/explain?url=${encodeURIComponent(url)}`)).json() as Promise<{
      preset?: unknown;
      caching?: unknown;
    }>;
  assert.deepEqual((await said('http://video.test/film/1.ts')).preset, { name: 'video', role: 'media' });
  const ruled = await said('http://ruled.test/film/master.m3u8');
  assert.equal(ruled.preset, undefined);
  assert.deepEqual(ruled.caching, { rule: 0, match: '/film/*.m3u8' });
  const words = await runCli(
    ...['explain', 'http://video.test/film/aes.key', '--control', server.control ?? ''],
  );
  assert.match(words, /^caching +preset video: key$/m);
});
