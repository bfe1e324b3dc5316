// A registry that mirrors another one: packuments in two forms, tarballs that these prove, and names that no
// upstream is asked for. The upstream is a real server on loopback.

import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { distOf, packed, startRegistry } from '../support/npm.ts';
import { startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';

/** What the upstream has, by target. */
const files = new Map<string, string | Buffer>();
let status = 200;
const upstream = await startUpstream((request, response) => {
  const file = files.get(request.url ?? '');
  response.statusCode = status === 200 && file === undefined ? 404 : status;
  response.setHeader('cache-control', request.url?.includes('newer') ? 'max-age=300' : 'max-age=0');
  response.end(response.statusCode === 200 ? file : 'no');
});
const registry = await startRegistry(
  '/npm/',
  { public: { url: `${upstream.url}r/`, attempts: 1, redirectsTo: ['127.0.0.1'] } },
  { local: ['/npm/@own/**', '/npm/own-*'], negativeSeconds: 0 },
);
const { server } = registry;
after(async () => {
  await registry.stop();
  upstream.close();
});
beforeEach(() => {
  upstream.asked.length = 0;
  status = 200;
});

/** Puts a package on the upstream. @param change of what the packument says of the version. */
function offer(name: string, version = '1.0.0', change: Record<string, unknown> = {}): Buffer {
  const tarball = packed({ name, version });
  const file = `${name.replace(/^.*\//, '')}-${version}.tgz`;
  const dist = { ...distOf(tarball), tarball: `${upstream.url}r/${name}/-/${file}`, ...change };
  const scripts = { postinstall: 'true', test: 'true' };
  const manifest = { name, version, dist, scripts, readme: 'long', dependencies: { a: '1' } };
  list(name, { [version]: manifest });
  files.set(`/r/${name}/-/${file}`, tarball);
  return tarball;
}

function list(name: string, versions: Record<string, unknown>, more: Record<string, unknown> = {}): void {
  const [latest] = Object.keys(versions);
  const packument = { name, 'dist-tags': { latest }, versions, time: { modified: 'now' }, ...more };
  files.set(`/r/${name.replace('/', '%2f')}`, JSON.stringify(packument));
}

const json = async (path: string, ...args: string[]) => {
  const { status, headers, body } = await server.curl(path, ...args);
  return { status, headers, json: JSON.parse(body.toString()) };
};
const short = ['-H', 'Accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8'];

test('a packument has the tarballs of the mirror, in full and abbreviated, each with its ETag', async () => {
  offer('forms');
  const full = await json('/npm/forms');
  const brief = await json('/npm/forms', ...short);
  const tarball = `${registry.url}forms/-/forms-1.0.0.tgz`;
  assert.equal(full.json.versions['1.0.0'].dist.tarball, tarball);
  assert.equal(full.json.versions['1.0.0'].readme, 'long');
  const { dist, ...manifest } = brief.json.versions['1.0.0'];
  assert.equal(dist.tarball, tarball);
  assert.deepEqual(manifest, {
    ...{ name: 'forms', version: '1.0.0', dependencies: { a: '1' }, hasInstallScript: true },
  });
  assert.equal(brief.json.modified, 'now');
  assert.equal(brief.headers.get('content-type'), 'application/vnd.npm.install-v1+json');
  for (const { headers } of [full, brief]) assert.match(headers.get('vary') ?? '', /Accept/);
  const [one, other] = [full, brief].map(({ headers }) => headers.get('etag') ?? '');
  assert.notEqual(one, other);
  const again = await server.curl('/npm/forms', ...short, '-H', `If-None-Match: ${other}`);
  assert.equal(again.status, 304);
  assert.equal((await server.curl('/npm/forms', '-H', `If-None-Match: ${other}`)).status, 200);
});

test('a tarball is fetched once, after its packument, though that was not asked for', async () => {
  const tarball = offer('@scope/cold');
  for (let time = 0; time < 3; time++) {
    const { status, body } = await server.curl('/npm/@scope/cold/-/cold-1.0.0.tgz');
    assert.equal(status, 200);
    assert.deepEqual(body, tarball);
  }
  assert.deepEqual(upstream.asked, ['GET /r/@scope%2fcold', 'GET /r/@scope/cold/-/cold-1.0.0.tgz']);
});

test('a scope has its slash encoded in either way, or not: it is one package', async () => {
  offer('@scope/slash');
  for (const path of ['@scope%2fslash', '@scope%2Fslash', '@scope/slash', '%40scope%2Fslash'])
    assert.equal((await json(`/npm/${path}`)).json.name, '@scope/slash', path);
});

test('a tarball with other bytes than its integrity is sent to nobody, and not kept', async () => {
  offer('tampered');
  files.set('/r/tampered/-/tampered-1.0.0.tgz', packed({ name: 'tampered', version: '6.6.6' }));
  const path = '/npm/tampered/-/tampered-1.0.0.tgz';
  await assert.rejects(async () => {
    const { status } = await server.curl(path);
    if (status !== 200) throw new Error(`${status}`);
  });
  assert.equal((await server.curl('/o/packages/tampered/-/tampered-1.0.0.tgz')).status, 404);
  await until(server.log, (log) => /SHA512/.test(log), 'the log does not say why');
});

test('without an integrity the shasum proves a tarball, and without both nothing does: 502', async () => {
  const tarball = offer('old', '0.1.0', { integrity: undefined });
  assert.deepEqual((await server.curl('/npm/old/-/old-0.1.0.tgz')).body, tarball);
  offer('bare', '0.1.0', { integrity: undefined, shasum: undefined });
  assert.equal((await server.curl('/npm/bare/-/bare-0.1.0.tgz')).status, 502);
});

test('what a packument does not list is 404 as npm reads it, whatever the upstream has there', async () => {
  offer('listed');
  files.set('/r/listed/-/listed-9.0.0.tgz', 'x');
  const { status, json: body } = await json('/npm/listed/-/listed-9.0.0.tgz');
  assert.deepEqual([status, body], [404, { error: 'Not found' }]);
  assert.deepEqual((await json('/npm/nothing')).json, { error: 'Not found' });
  assert.ok(!upstream.asked.includes('GET /r/listed/-/listed-9.0.0.tgz'));
});

test('a version that the upstream unlists goes from the packument, and its kept bytes stay', async () => {
  const tarball = offer('unlisted', '1.0.0');
  await server.curl('/npm/unlisted/-/unlisted-1.0.0.tgz');
  offer('unlisted', '2.0.0');
  assert.deepEqual(Object.keys((await json('/npm/unlisted')).json.versions), ['2.0.0']);
  assert.deepEqual((await server.curl('/npm/unlisted/-/unlisted-1.0.0.tgz')).body, tarball);
});

test('a version that has another integrity later keeps the first one, and raises an alarm', async () => {
  const first = offer('moved');
  const { dist } = (await json('/npm/moved')).json.versions['1.0.0'];
  await server.curl('/npm/moved/-/moved-1.0.0.tgz');
  offer('moved', '1.0.0', distOf(Buffer.from('other')));
  assert.deepEqual((await json('/npm/moved')).json.versions['1.0.0'].dist, dist);
  assert.deepEqual((await server.curl('/npm/moved/-/moved-1.0.0.tgz')).body, first);
  await until(server.log, (log) => /"package":"moved".*other digests than before/.test(log), 'no alarm');
  assert.ok((await server.metric('sealgate_upstream_changed_versions_total')) >= 1);
});

test('a tarball on a host that redirectsTo names is fetched from there', async () => {
  const tarball = packed({ name: 'afar', version: '1.0.0' });
  const afar = await startUpstream((_, response) => void response.end(tarball));
  try {
    offer('afar', '1.0.0', { tarball: `${afar.url}files/a.tgz` });
    assert.deepEqual((await server.curl('/npm/afar/-/afar-1.0.0.tgz')).body, tarball);
    assert.deepEqual(afar.asked, ['GET /files/a.tgz']);
  } finally {
    afar.close();
  }
});

test('a version that was published since the packument was fetched is found', async () => {
  offer('newer', '1.0.0');
  await json('/npm/newer');
  const tarball = offer('newer', '2.0.0');
  assert.deepEqual((await server.curl('/npm/newer/-/newer-2.0.0.tgz')).body, tarball);
});

test('a tarball on a host that is not named is asked for at the upstream itself', async () => {
  const tarball = offer('elsewhere', '1.0.0', { tarball: 'http://169.254.169.254/latest/x.tgz' });
  assert.deepEqual((await server.curl('/npm/elsewhere/-/elsewhere-1.0.0.tgz')).body, tarball);
  assert.equal(upstream.asked.at(-1), 'GET /r/elsewhere/-/elsewhere-1.0.0.tgz');
});

test('packuments that are none are refused with 502 and a line, and the good one before stays', async () => {
  const poisons: [string, (name: string) => string][] = [
    ['is no JSON', () => '<html>'],
    ['not of the package', () => '{"name":"other","versions":{}}'],
    ['versions is none', (name) => JSON.stringify({ name, versions: { '../../x': {} } })],
    ['nests deeper', (name) => `{"name":"${name}","x":${'['.repeat(1e6)}${']'.repeat(1e6)}}`],
    [
      'more than 50000 versions',
      (name) => {
        const all = Array.from({ length: 50_001 }, (_, at): [string, object] => [`1.0.${at}`, {}]);
        return JSON.stringify({ name, versions: Object.fromEntries(all) });
      },
    ],
    ['more than the 67108864 bytes', (name) => `{"name":"${name}","x":"${'x'.repeat(2 ** 26)}"}`],
    ['versions are no object', (name) => JSON.stringify({ name, versions: [1] })],
  ];
  for (const [index, [why, poison]] of poisons.entries()) {
    const name = `poisoned-${index}`;
    offer(name);
    assert.equal((await json(`/npm/${name}`)).status, 200);
    files.set(`/r/${name}`, poison(name));
    assert.equal((await server.curl(`/npm/${name}`)).status, 502, why);
    await until(server.log, (log) => log.includes(why), `the log has no ${why}`);
    assert.match((await server.curl(`/o/packages/${name}`)).body.toString(), /-1\.0\.0\.tgz/);
  }
});

test('an upstream that is away is 503, which npm tries again, and what there is is sent', async () => {
  offer('stays');
  await json('/npm/stays');
  status = 500;
  assert.equal((await json('/npm/stays')).status, 200);
  for (let time = 0; time < 2; time++)
    assert.equal(
      (await json('/npm/stays/-/stays-2.0.0.tgz')).status,
      503,
      'it may have been published since',
    );
  assert.equal((await json('/npm/never-seen')).status, 503);
});

test('local names are never asked for, in whatever spelling', async () => {
  offer('@own/secret');
  offer('own-secret');
  for (const path of ['@own/secret', '@own%2fsecret', '%40own%2Fsecret', 'own-secret', '%6fwn-secret'])
    assert.equal((await server.curl(`/npm/${path}`)).status, 404, path);
  for (const path of ['@own/secret/-/secret-1.0.0.tgz', '-/package/@own%2fsecret/dist-tags'])
    assert.equal((await server.curl(`/npm/${path}`)).status, 404, path);
  assert.equal((await server.curl('/npm/-/npm/v1/attestations/@own%2fsecret@1.0.0')).status, 404);
  assert.deepEqual(upstream.asked, []);
});

test('names that are paths are refused, and not asked for', async () => {
  for (const path of [
    '..%2f..%2fetc',
    '@a/..%2fb',
    '.hidden',
    'a/b/c',
    '@a/b/c',
    'a%00b',
    '%252e%252e',
    '@/x',
  ])
    assert.ok([400, 404].includes((await server.curl(`/npm/${path}`)).status), path);
  assert.deepEqual(upstream.asked, []);
});

test('dist-tags and ping are answered', async () => {
  offer('tagged');
  assert.deepEqual((await json('/npm/-/package/tagged/dist-tags')).json, { latest: '1.0.0' });
  assert.deepEqual((await json('/npm/-/ping')).json, {});
});

test('unpublishing is 405, with the requests of npm, which says that it is done after a 404', async () => {
  for (const [method, path] of [
    ['PUT', '@own%2ftool/-rev/undefined'],
    ['DELETE', '@own%2ftool/-rev/1-a'],
    ['DELETE', '@own/tool/-/tool-1.0.0.tgz/-rev/undefined'],
  ] as const) {
    const token = ['-H', `Authorization: Bearer ${registry.site.token}`];
    assert.equal((await server.curl(`/npm/${path}`, '-X', method, '-d', '{}', ...token)).status, 405, path);
  }
});

test('with maxBytes forms and tarballs are evicted; what was published and first digests stay', async () => {
  const small = await startRegistry(
    '/npm/',
    { public: { url: `${upstream.url}r/`, attempts: 1 } },
    { local: ['/npm/@own/**'], maxBytes: 60_000 },
  );
  try {
    const own = packed({ name: '@own/kept', version: '1.0.0' });
    const dist = distOf(own);
    const document = {
      ...{ name: '@own/kept', 'dist-tags': { latest: '1.0.0' } },
      versions: { '1.0.0': { name: '@own/kept', version: '1.0.0', dist } },
      _attachments: { 'kept-1.0.0.tgz': { data: own.toString('base64'), length: own.length } },
    };
    const put = await small.server.curl(
      ...['/npm/@own%2fkept', '-X', 'PUT', '-H', `Authorization: Bearer ${small.site.token}`],
      ...['-d', JSON.stringify(document)],
    );
    assert.equal(put.status, 201);
    const get = async (path: string) => (await small.server.curl(path)).status;
    for (let each = 0; each < 20; each++) {
      offer(`many-${each}`, '1.0.0', { filler: 'x'.repeat(4000) });
      assert.equal(await get(`/npm/many-${each}`), 200);
    }
    await until(
      () => get('/o/packages/many-0'),
      (status) => status === 404 || status === 410,
      'the packument that was not used for longest is there',
    );
    assert.ok((await small.server.metric('sealgate_mirror_evicted_objects_total')) > 20);
    assert.equal(await get('/o/packages/many-0/-/index.json'), 200);
    assert.deepEqual((await small.server.curl('/npm/@own/kept/-/kept-1.0.0.tgz')).body, own);
    assert.equal(await get('/npm/@own/kept'), 200);
    assert.equal(await get('/npm/many-0'), 200);
  } finally {
    await small.stop();
  }
});
