// The sites of a running server are read again by SIGHUP and POST /reload: what changed counts from the next
// request on, also where a plan was kept. A faulty configuration is refused, and the sites before stay.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const web = (host: string, more = {}) => ({ host, bucket: 'web', ...more });
const maxAge = (seconds: number) => ({ caching: [{ match: '/**', maxAge: seconds }] });

const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [web('one.test', maxAge(1))],
});
const start = JSON.parse(await readFile(site.config, 'utf8'));
const server = await TestServer.start(
  site,
  ...['--workers', '2', '--listen', 'http://127.0.0.1:0', '--listen', 'https://127.0.0.1:0'],
);
after(async () => {
  await server.stop();
  await site.remove();
});
/** Of commands that go through the server beside them. */
const beside = ['--config', site.config, '--token-file', join(site.dir, 'token')];
await writeFile(join(site.dir, 'token'), site.token, { mode: 0o600 });
for (const name of ['page.html', 'd/page.html']) {
  const file = join(site.dir, 'upload');
  await writeFile(file, name);
  await runCli('put', file, `web/${name}`, ...beside);
}

const configure = (settings: object) => writeFile(site.config, JSON.stringify({ ...start, ...settings }));
const reload = () => fetch(`${server.control}/reload`, { method: 'POST' });
async function reloaded(settings: object): Promise<{ sites: Record<string, unknown>; restart: string[] }> {
  await configure(settings);
  const answer = await reload();
  assert.equal(answer.status, 200, await answer.clone().text());
  return await answer.json();
}
const get = (host: string, path = '/page.html') => server.curl(path, '-H', `Host: ${host}`);
const caching = async (host: string) => (await get(host)).headers.get('cache-control');

test('a site that was added is served, one that was removed is 421, and the answer names both', async () => {
  assert.equal((await get('two.test')).status, 421);
  const { sites } = await reloaded({ sites: [web('two.test'), web('three.test')] });
  assert.deepEqual(sites, {
    added: ['two.test/', 'three.test/'],
    removed: ['one.test/'],
    changed: {},
    unchanged: 0,
  });
  assert.deepEqual([(await get('two.test')).status, (await get('one.test')).status], [200, 421]);
});

test('a changed caching rule is in the next answer though a plan was kept, and others stay', async () => {
  const others = [web('two.test', maxAge(2)), web('three.test')];
  await reloaded({ sites: [web('one.test', maxAge(1)), ...others] });
  for (let i = 0; i < 8; i++) {
    assert.equal(await caching('one.test'), 'public, max-age=1');
    assert.equal(await caching('two.test'), 'public, max-age=2');
  }
  const misses = await server.metric('sealgate_plan_cache_misses_total');
  const { sites } = await reloaded({ sites: [web('one.test', maxAge(7)), ...others] });
  assert.deepEqual(sites, { added: [], removed: [], changed: { 'one.test/': ['caching'] }, unchanged: 2 });
  for (let i = 0; i < 8; i++) assert.equal(await caching('two.test'), 'public, max-age=2');
  assert.equal(await server.metric('sealgate_plan_cache_misses_total'), misses);
  assert.equal(await caching('one.test'), 'public, max-age=7');
});

test('a site inside another takes its paths although a plan was kept for the wider one', async () => {
  const wide = web('one.test', maxAge(1));
  await reloaded({ sites: [wide] });
  const path = '/d/page.html';
  for (let i = 0; i < 8; i++) assert.equal((await get('one.test', path)).body.toString(), 'd/page.html');
  await reloaded({ sites: [wide, { ...web('one.test'), path: '/d/' }] });
  for (let i = 0; i < 8; i++) assert.equal((await get('one.test', path)).body.toString(), 'page.html');
});

test('a faulty configuration is refused with its faults in the answer, the sites before stay', async () => {
  await reloaded({ sites: [web('one.test', maxAge(1))] });
  await configure({ sites: [web('two.test'), web('TWO.test'), {}] });
  const answer = await reload();
  assert.equal(answer.status, 422);
  const { detail } = (await answer.json()) as { detail: string };
  assert.match(detail, /sites\.1\.host: expected a host name in lower case/);
  assert.match(detail, /sites\.2\.bucket: expected a bucket name/);
  assert.match(detail, /what was in use stays/);
  assert.equal(await caching('one.test'), 'public, max-age=1');
});

test('SIGHUP reads the sites again; a faulty file is in the log, a good one in force', async () => {
  await configure({ sites: [web('TWO.test')] });
  process.kill(server.pid, 'SIGHUP');
  const refusal = /"message":"[^"]*sites\.0\.host: .*the reload was refused/;
  await until(server.log, (log) => refusal.test(log), 'the refusal');
  assert.equal((await get('one.test')).status, 200);
  await configure({ sites: [web('four.test')] });
  process.kill(server.pid, 'SIGHUP');
  await until(
    async () => (await get('four.test')).status,
    (status) => status === 200,
    'the new site',
  );
  await until(server.log, (log) => log.includes('the sites were read again'), 'the log');
});

test('sites can go and come: objects are everywhere without them, and commands find the server', async () => {
  await reloaded({ sites: undefined });
  assert.equal((await get('any.test', '/o/web/page.html')).status, 200);
  await reloaded({ sites: [web('one.test')] });
  assert.equal((await get('any.test', '/o/web/page.html')).status, 421);
  assert.equal((await get('one.test', '/o/web/page.html')).status, 404);
  const file = join(site.dir, 'upload');
  await writeFile(file, 'later');
  await runCli('put', file, 'web/later.html', ...beside);
  assert.equal((await get('one.test', '/later.html')).body.toString(), 'later');
});

test('other settings that changed are named, and stay as they were', async () => {
  const { restart } = await reloaded({ sites: [web('one.test')], lastModified: 'source' });
  assert.deepEqual(restart, ['lastModified']);
});

test('sealgate config reload says what changed', async () => {
  await configure({ sites: [web('one.test', maxAge(3)), web('five.test')] });
  const said = await runCli('config', 'reload', '--config', site.config, '--control', server.control ?? '');
  assert.match(said, /^added {4}five\.test\/\nchanged {2}one\.test\/: caching\n0 sites are as before\n$/);
});

test('under load every request is answered by the sites before or after, and by no mix of them', async () => {
  const cors = { origins: ['https://a.test'] };
  const versions = [1, 2].map((n) => [
    web('one.test', {
      ...maxAge(n),
      fields: [{ match: '/**', set: { 'X-Version': String(n) } }],
      cors: { ...cors, exposed: [`X-${n}`] },
    }),
  ]);
  await reloaded({ sites: versions[0] });
  let going = true;
  let requests = 0;
  const seen = new Set<string>();
  const ask = async (prefix: string) => {
    const wire = await Wire.open(server.url);
    for (let i = 0; going; i++) {
      // Kept plans, misses and what is not there.
      const target = ['/page.html', `/page.html?${i}`, `/${prefix}${i}`, `/x/..//page.html`][i % 4] ?? '';
      const { status, headers } = await wire.get(target, 'Host: one.test', 'Origin: https://a.test');
      const version = headers.get('x-version');
      assert.equal(status, i % 4 === 2 ? 404 : 200, target);
      assert.equal(headers.get('access-control-expose-headers'), `X-${version}`, target);
      if (status === 200) assert.equal(headers.get('cache-control'), `public, max-age=${version}`);
      seen.add(version ?? '');
      requests++;
    }
    wire.close();
  };
  const clients = Array.from({ length: 8 }, (_, n) => ask(`absent${n}-`));
  for (let round = 1; round <= 30; round++) {
    const before = requests;
    await reloaded({ sites: versions[round % 2] });
    await until(
      async () => requests,
      (now) => now >= before + 50,
      'requests after a reload',
    );
  }
  going = false;
  await Promise.all(clients);
  assert.deepEqual([...seen].sort(), ['1', '2']);
});
