// A path belongs to the site of its normal form: other spellings of it, with dot segments, doubled slashes or
// needless encoding, are sent on there, and are never answered by a wider site, with its rules.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const web = { bucket: 'web' };
const narrow = { ...web, prefix: 'd/', caching: [{ match: '/**', value: 'no-store' }] };
const nested = (host: string) => [
  { host, ...web, redirects: [{ from: '/r', to: '/d/page' }] },
  { host, path: '/d/', ...narrow },
  { host, path: '/d/e/', ...web, prefix: 'e/' },
  { host, path: '/%C3%BC/', ...web, prefix: 'd/' },
  { host, path: '/@x/', ...web, prefix: 'd/' },
  { host, path: '/store/', protocol: 'objects' },
];
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    ...nested('x.test'),
    { host: 'only.test', path: '/d/', ...narrow },
    { host: 'objects.test', protocol: 'objects' },
    { host: 'objects.test', path: '/d/', ...narrow },
    { host: 'objects.test', path: '/o/web/', ...narrow },
    { host: 'app.test', ...web, prefix: 'e/', fallback: 'page' },
    { host: 'app.test', path: '/d/', ...narrow },
    { host: 'taken.test', ...web, prefix: 'taken/' },
    { host: 'taken.test', path: '/d/', ...narrow },
  ],
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});
await writeFile(join(site.dir, 'token'), site.token, { mode: 0o600 });
for (const name of ['d/page', 'd/index.html', 'e/page', 'page', 'a b', 'taken/d']) {
  const file = join(site.dir, 'upload');
  await writeFile(file, name);
  const beside = ['--config', site.config, '--token-file', join(site.dir, 'token')];
  await runCli('put', file, `web/${name}`, ...beside);
}

const get = (host: string, path: string, ...args: string[]) =>
  server.curl(path, '-H', `Host: ${host}`, ...args);
const spellings = ['//d/page', '/x/../d/page', '/./d/page', '/%64/page', '/d%2Fpage', '/x%2f..//%64/./page'];

for (const path of spellings)
  test(`GET ${path} is sent on to /d/page, as often as it is asked for`, async () => {
    for (let i = 0; i < 4; i++) {
      const { status, headers, body } = await get('x.test', `${path}?a=1`);
      assert.deepEqual([status, headers.get('location')], [308, '/d/page?a=1']);
      assert.equal(headers.get('cache-control'), 'no-cache');
      assert.equal(body.toString(), '');
    }
    const head = await get('only.test', path, '-I');
    assert.deepEqual([head.status, head.headers.get('location')], [308, '/d/page']);
  });

test('every other method is refused on such a path', async () => {
  for (const method of ['POST', 'DELETE', 'PUT']) {
    const { status, body } = await get('x.test', '//d/page', '-X', method);
    assert.equal(status, 400, method);
    assert.match(body.toString(), /belongs to another site in its normal form/);
  }
});

test('paths that belong to the same site in each form are answered as they are', async () => {
  const cases: [path: string, body: string][] = [
    ['/x/..//page', 'page'],
    ['/%70age', 'page'],
    ['/a%20b', 'a b'],
    ['/d//page', 'd/page'],
    ['/d/%70age', 'd/page'],
    ['/d/x/../page', 'd/page'],
    ['/%C3%BC/page', 'd/page'],
    ['/@x/page', 'd/page'],
  ];
  for (const [path, text] of cases) {
    const { status, body } = await get('x.test', path);
    assert.deepEqual([status, body.toString()], [200, text], path);
  }
});

test('a path that leads out of a narrower site is sent on to the wider one, out of all 400', async () => {
  const cases: [path: string, status: number, location: string | undefined][] = [
    ['/d/../page', 308, '/page'],
    ['/d/..%2fa%20b', 308, '/a%20b'],
    ['/d/e/../page', 308, '/d/page'],
    ['/d/../../page', 400, undefined],
    ['/%2e%2e/d/page', 400, undefined],
    ['/%c3%bc/page', 308, '/%C3%BC/page'],
    ['/%40x/page', 308, '/@x/page'],
    ['/store/../d/page', 308, '/d/page'],
  ];
  for (const [path, status, location] of cases) {
    const answer = await get('x.test', path);
    assert.deepEqual([answer.status, answer.headers.get('location')], [status, location], path);
  }
});

test('objects whose path is that of a web site in its normal form are not read around it', async () => {
  assert.equal((await get('objects.test', '/o/web/page')).body.toString(), 'd/page');
  const { status, headers } = await get('objects.test', '/o/%77eb/page');
  assert.deepEqual([status, headers.get('location')], [308, '/o/web/page']);
  const away = await get('x.test', '/d/%2e%2e/store/o/web/page');
  assert.deepEqual([away.status, away.headers.get('location')], [400, undefined]);
});

test('the path of a site without its slash is sent on, unless another site has that name', async () => {
  for (const host of ['x.test', 'only.test', 'objects.test', 'app.test']) {
    const { status, headers } = await get(host, '/d?q');
    assert.deepEqual([status, headers.get('location')], [301, '/d/?q'], host);
    assert.equal((await get(host, '/d', '-I')).status, 301, host);
  }
  assert.equal((await get('taken.test', '/d')).body.toString(), 'taken/d');
  assert.equal((await get('taken.test', '/d/')).body.toString(), 'd/index.html');
  assert.equal((await get('x.test', '/d/e')).headers.get('location'), '/d/e/');
  assert.equal((await get('x.test', '/%C3%BC')).headers.get('location'), '/%C3%BC/');
  assert.equal((await get('app.test', '/elsewhere')).body.toString(), 'e/page');
  assert.equal((await get('only.test', '/elsewhere')).status, 404);
  // Where objects are is nobody's business.
  assert.equal((await get('x.test', '/store')).status, 404);
  assert.equal((await get('objects.test', '/d', '-X', 'POST')).status, 404);
});

test('a spelling whose plan was kept is sent on once a site is added at its normal form', async () => {
  const start = JSON.parse(await readFile(site.config, 'utf8'));
  const sites = [...start.sites, { host: 'late.test', ...web }];
  const reload = async (all: unknown[]) => {
    await writeFile(site.config, JSON.stringify({ ...start, sites: all }));
    assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
  };
  await reload(sites);
  for (let i = 0; i < 8; i++) assert.equal((await get('late.test', '//d/page')).status, 200);
  await reload([...sites, { host: 'late.test', path: '/d/', ...narrow }]);
  for (let i = 0; i < 8; i++) assert.equal((await get('late.test', '//d/page')).status, 308);
});
