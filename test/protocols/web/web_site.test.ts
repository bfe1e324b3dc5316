// Web sites over HTTP: what a path of a site is answered with, which site a host and path belong to, and that
// nothing leads out of a site.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../../support/runtime.ts';
import { createSite, type Response, TestServer } from '../../support/server.ts';

const files: Record<string, string> = {
  'site/index.html': '<h1>home</h1>',
  'site/404.html': '<h1>nothing here</h1>',
  'site/gone.html': '<h1>withdrawn</h1>',
  'site/app.js': 'let a;',
  'site/docs/index.html': '<h1>docs</h1>',
  'site/docs/a b.txt': 'blank',
  'site/docs/ü.txt': 'umlaut',
  'site/plain/one.txt': 'one',
  'outside.txt': 'outside',
  'app/index.html': '<h1>app</h1>',
  'app/main.js': 'main;',
};

const web = { bucket: 'web', prefix: 'site/' };
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    {
      host: 'www.test',
      ...web,
      notFound: '404.html',
      notFoundMaxAge: 30,
      redirects: [
        { from: '/old.html', to: '/app.js', status: 301 },
        { from: '/blog/*/', to: '/docs/$1?from=blog', status: 302 },
        { from: '/left/**', to: 'https://elsewhere.test/$1' },
        { from: '/empty/**', to: '/$1/x', status: 307 },
      ],
    },
    { host: 'www.test', path: '/files/', protocol: 'objects' },
    { host: '*.wild.test', path: '/list/', ...web, listing: 'html' },
    { host: 'app.test', bucket: 'web', prefix: 'app/', fallback: 'index.html' },
    { host: 'plain.test', bucket: 'web', prefix: 'app/' },
    { host: 'none.test', bucket: 'absent' },
  ],
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});
for (const [name, text] of Object.entries(files)) {
  const file = join(site.dir, 'upload');
  await writeFile(file, text);
  await runCli('put', file, `web/${name}`, '--config', site.config, '--token-file', await tokenFile());
}

async function tokenFile(): Promise<string> {
  const path = join(site.dir, 'token');
  await writeFile(path, site.token, { mode: 0o600 });
  return path;
}

const get = (host: string, path: string, ...args: string[]): Promise<Response> =>
  server.curl(path, '-H', `Host: ${host}`, ...args);
const body = ({ status, body: bytes }: Response) => [status, bytes.toString()];

test('names, the index of a folder and that of the site are delivered', async () => {
  assert.deepEqual(body(await get('www.test', '/')), [200, files['site/index.html']]);
  assert.deepEqual(body(await get('www.test', '/docs/')), [200, files['site/docs/index.html']]);
  const script = await get('www.test', '/app.js');
  assert.deepEqual(body(script), [200, 'let a;']);
  assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/);
  assert.equal(script.headers.get('x-content-type-options'), 'nosniff');
});

test('conditions, ranges and HEAD are as of objects', async () => {
  const { headers } = await get('www.test', '/app.js');
  const etag = headers.get('etag') ?? '';
  assert.equal((await get('www.test', '/app.js', '-H', `If-None-Match: ${etag}`)).status, 304);
  assert.deepEqual(body(await get('www.test', '/app.js', '-r', '0-2')), [206, 'let']);
  const head = await get('www.test', '/docs/', '-I');
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '13']);
});

test('a name is decoded once, and a query is ignored', async () => {
  assert.deepEqual(body(await get('www.test', '/docs/a%20b.txt?v=3')), [200, 'blank']);
  assert.deepEqual(body(await get('www.test', '/docs/%C3%BC.txt?utm_source=a')), [200, 'umlaut']);
  assert.deepEqual(body(await get('www.test', '/docs%2Fa%20b.txt')), [200, 'blank']);
  assert.equal((await get('www.test', '/docs/a%2520b.txt')).status, 404);
});

test('empty and dot segments are resolved within the site', async () => {
  assert.deepEqual(body(await get('www.test', '//docs/.//../app.js')), [200, 'let a;']);
  assert.deepEqual(body(await get('www.test', '/docs/%2e%2e/app.js')), [200, 'let a;']);
  assert.deepEqual(body(await get('www.test', '/docs/..')), [200, files['site/index.html']]);
});

test('nothing leads out of the site', async () => {
  const paths = ['/../outside.txt', '/docs/../../outside.txt', '/%2e%2e/outside.txt', '/..%2foutside.txt'];
  const encoded = ['/%2e%2e%2foutside.txt', '/docs/%2e%2e%2f..%2foutside.txt'];
  const odd = ['/%00', '/docs/a%00.txt', '/..%5coutside.txt', '/docs\\a', '/%', '/%zz', '/%c3', '/a%0ab'];
  for (const path of [...paths, ...encoded, ...odd]) {
    const { status, body: bytes } = await get('www.test', path);
    assert.equal(status, 400, path);
    assert.doesNotMatch(bytes.toString(), /outside$/);
  }
  assert.equal((await get('www.test', '/outside.txt')).status, 404);
});

test('a folder without a slash is sent on to its index, with the query, on the same host', async () => {
  const sent = await get('www.test', '/docs?a=1&b=2');
  assert.deepEqual([sent.status, sent.headers.get('location')], [301, '/docs/?a=1&b=2']);
  const slashes = await get('www.test', '//docs');
  assert.deepEqual([slashes.status, slashes.headers.get('location')], [301, '/docs/']);
  const folder = await get('a.wild.test', '/list//docs');
  assert.deepEqual([folder.status, folder.headers.get('location')], [301, '/list/docs/']);
  assert.equal((await get('www.test', '//evil.test')).status, 404);
  assert.equal((await get('www.test', '/app.js/')).status, 404);
});

test('redirects come before names, capture parts of the path, and stay on this host', async () => {
  const cases: [path: string, status: number, location: string][] = [
    ['/old.html', 301, '/app.js'],
    ['/old.html?x=%20', 301, '/app.js?x=%20'],
    ['/blog/a%20b/?y=1', 302, '/docs/a%20b?from=blog&y=1'],
    ['/left/a/b?z', 308, 'https://elsewhere.test/a/b?z'],
    ['/empty/', 307, '/x'],
    ['/empty//evil.test', 307, '/evil.test/x'],
  ];
  for (const [path, status, location] of cases) {
    const sent = await get('www.test', path);
    assert.deepEqual([sent.status, sent.headers.get('location')], [status, location], path);
  }
});

test('what is not there has the page of the site with status 404, which caches may keep', async () => {
  for (const args of [[], ['-H', 'If-None-Match: *'], ['-r', '0-2'], ['-H', 'If-Match: "x"']]) {
    const missing = await get('www.test', '/none.html', ...args);
    assert.deepEqual(body(missing), [404, files['site/404.html']], args.join());
    assert.match(missing.headers.get('content-type') ?? '', /^text\/html/);
    assert.equal(missing.headers.get('cache-control'), 'public, max-age=30');
    assert.equal(missing.headers.has('etag'), false);
  }
  const plain = await get('plain.test', '/none');
  assert.deepEqual([plain.status, plain.headers.get('cache-control')], [404, 'no-store']);
  assert.match(plain.body.toString(), /"not-found"/);
});

test('a new name takes the place of the page for what is not there at once', async () => {
  const later = { www: await get('www.test', '/later.txt'), app: await get('app.test', '/later.txt') };
  assert.deepEqual([later.www.status, later.app.status], [404, 200]);
  const file = join(site.dir, 'upload');
  await writeFile(file, 'later');
  for (const prefix of ['site', 'app'])
    await runCli(
      'put',
      file,
      `web/${prefix}/later.txt`,
      '--config',
      site.config,
      '--token-file',
      await tokenFile(),
    );
  assert.deepEqual(body(await get('www.test', '/later.txt')), [200, 'later']);
  assert.deepEqual(body(await get('app.test', '/later.txt')), [200, 'later']);
  await runCli('rm', 'web/site/later.txt', '--config', site.config, '--token-file', await tokenFile());
  assert.deepEqual(body(await get('www.test', '/later.txt')), [404, files['site/404.html']]);
});

test('the fallback answers for all that is not there, and is never kept as immutable', async () => {
  for (const path of ['/', '/users/7', '/deep/er/']) {
    assert.deepEqual(body(await get('app.test', path)), [200, files['app/index.html']], path);
  }
  assert.deepEqual(body(await get('app.test', '/main.js')), [200, 'main;']);
  const { headers } = await get('app.test', '/users/7');
  assert.equal(headers.get('cache-control'), 'public, max-age=0, must-revalidate');
});

test('without its fallback a site answers 404', async () => {
  const config = ['--config', site.config, '--token-file', await tokenFile()];
  await runCli('rm', 'web/app/index.html', ...config);
  assert.equal((await get('app.test', '/users/7')).status, 404);
  const page = join(site.dir, 'page');
  await writeFile(page, files['app/index.html'] ?? '');
  await runCli('put', page, 'web/app/index.html', ...config);
  assert.deepEqual(body(await get('app.test', '/users/7')), [200, files['app/index.html']]);
});

test('methods that change something are refused on a web site', async () => {
  for (const method of ['PUT', 'POST', 'DELETE', 'PATCH', 'COPY']) {
    const refused = await get('www.test', '/app.js', '-X', method);
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, OPTIONS'], method);
  }
  const options = await get('www.test', '/app.js', '-X', 'OPTIONS');
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, OPTIONS']);
});

test('objects are served where a site says so, and nowhere else', async () => {
  assert.deepEqual(body(await get('www.test', '/files/o/web/outside.txt')), [200, 'outside']);
  const digest = (await get('www.test', '/app.js')).headers.get('etag')?.replaceAll('"', '');
  for (const host of ['www.test', 'plain.test'])
    for (const path of ['/o/web/outside.txt', `/sha256/${digest}`, '/o/web/'])
      assert.equal((await get(host, path)).status, 404, host + path);
});

test('a host without a site is 421, and a path that none of its sites covers is 404', async () => {
  for (const host of ['other.test', 'wild.test', 'www.test.evil', '']) {
    const refused = await get(host, '/');
    assert.equal(refused.status, 421, host);
  }
  assert.equal((await get('x.wild.test', '/')).status, 404);
  assert.equal((await get('WWW.test.:8443', '/app.js')).status, 200);
});

test('a site whose bucket is not there is told at the start and answers 404', async () => {
  assert.equal((await get('none.test', '/')).status, 404);
  assert.match(server.log(), /a site has nothing to serve until its bucket is made/);
});

test('listings: folders and names with sizes, escaped, and none where a folder has an index', async () => {
  const listed = await get('x.wild.test', '/list/plain/');
  assert.match(listed.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(listed.body.toString(), /<a href="one\.txt">one\.txt<\/a> +\d\d-\w{3}-\d{4} \d\d:\d\d +3\n/);
  assert.match(listed.body.toString(), /<a href="\.\.\/">/);
  assert.deepEqual(body(await get('x.wild.test', '/list/docs/')), [200, files['site/docs/index.html']]);
  assert.equal((await get('x.wild.test', '/list/nowhere/')).status, 404);
  assert.equal((await get('www.test', '/plain/')).status, 404);
  const sent = await get('x.wild.test', '/list/plain');
  assert.deepEqual([sent.status, sent.headers.get('location')], [301, '/list/plain/']);
});
