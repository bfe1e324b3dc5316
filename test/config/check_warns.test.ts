// What is odd about sites and no fault: `sealgate config check` warns of it, and so does the log of a server.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const web = { host: 'a.test', bucket: 'web', prefix: 'p/' };
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    { ...web, notFound: '404.html', errorPages: { 410: 'gone.html' } },
    { ...web, path: '/app/', fallback: 'app.html', security: { hsts: { maxAge: 60 } } },
    { ...web, path: '/none/', bucket: 'absent', fallback: 'app.html' },
  ],
});
after(() => site.remove());
const hsts = 'site a.test/app/: security.hsts: browsers take it over TLS alone';

test('HSTS without a listener with TLS is warned of, and the configuration is good', async () => {
  const check = ['config', 'check', '--config', site.config];
  const env = { ...process.env, SEALGATE_LISTEN: 'http://127.0.0.1:0' };
  const { status, stdout, stderr } = await outcome(spawnCli(check, { env }));
  assert.deepEqual([status, stdout], [0, 'the configuration is good\n']);
  assert.ok(stderr.startsWith(`warning: ${hsts}`), stderr);
  const quiet = await outcome(spawnCli(check));
  assert.equal(quiet.status, 0);
  assert.doesNotMatch(quiet.stderr, /hsts/);
});

test('a build cache is warned of where nothing bounds it', async () => {
  const cache = { protocol: 'bazel', bucket: 'builds' };
  const sites = [
    { ...cache, path: '/a/' },
    { ...cache, path: '/b/', bucket: 'bounded', bazel: { maxBytes: 1e9 } },
  ];
  const config = join(site.dir, 'builds.json');
  const before = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(
    config,
    JSON.stringify({ ...before, buckets: { builds: 'versioned', bounded: 'versioned' }, sites }),
  );
  const { status, stderr } = await outcome(spawnCli(['config', 'check', '--config', config]));
  const what = 'warning: site */a/: a build cache without bazel.maxBytes keeps what comes';
  assert.deepEqual([status, stderr.startsWith(what), stderr.split('\n').length], [0, true, 2], stderr);
});

test('a registry is warned of whose grace time is below an hour, and no other', async () => {
  const registry = (path: string, more: object = {}) => ({
    path,
    protocol: 'oci',
    bucket: 'images',
    ...more,
  });
  const sites = [
    registry('/short/v2/', { registry: { graceSeconds: 3599 } }),
    registry('/hour/v2/', { registry: { graceSeconds: 3600 } }),
    registry('/usual/v2/', { registry: { countPulls: true } }),
    registry('/v2/'),
  ];
  const config = join(site.dir, 'grace.json');
  const before = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(config, JSON.stringify({ ...before, buckets: { images: 'versioned' }, sites }));
  const { status, stderr } = await outcome(spawnCli(['config', 'check', '--config', config]));
  const what = 'warning: site */short/v2/: registry.graceSeconds: a push that takes longer than 3599 s';
  assert.deepEqual([status, stderr.startsWith(what), stderr.split('\n').length], [0, true, 2], stderr);
});

test('a shared store with a grace time below ten minutes is warned of', async () => {
  const before = JSON.parse(await readFile(site.config, 'utf8'));
  const s3 = { bucket: 'sealgate', region: 'r', accessKey: './access', secretKey: './secret' };
  for (const key of ['access', 'secret']) await writeFile(join(site.dir, key), 'key', { mode: 0o600 });
  const about = { upstreams: { tier: { url: 'http://127.0.0.1:9/', s3 } }, sites: undefined };
  const warned = async (graceSeconds: number, sharedBuckets = { web: { upstream: 'tier' } } as object) => {
    const config = join(site.dir, 'shared.json');
    const its = { ...before, ...about, sharedBuckets, gc: { shared: { graceSeconds } } };
    await writeFile(config, JSON.stringify(its));
    const { status, stderr } = await outcome(spawnCli(['config', 'check', '--config', config]));
    assert.equal(status, 0, stderr);
    return stderr;
  };
  assert.match(await warned(599), /^warning: gc\.shared\.graceSeconds: 599 s are for tests alone: .*\n$/);
  assert.equal(await warned(600), '');
  assert.equal(await warned(8, {}), '');
});

test('two publishing points with one prefix, or one inside the other, are warned of', async () => {
  const point = (path: string, prefix: string) => ({ path, prefix, protocol: 'live', bucket: 'live' });
  const sites = [point('/a/', 'ch/'), point('/b/', 'ch/hd/'), point('/c/', 'other/')];
  const config = join(site.dir, 'points.json');
  const before = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(config, JSON.stringify({ ...before, buckets: { live: 'versioned' }, sites }));
  const { status, stderr } = await outcome(spawnCli(['config', 'check', '--config', config]));
  const what = 'sites */a/ and */b/: both publishing points write what begins with live/ch/';
  assert.deepEqual([status, stderr.split('\n').length], [0, 2]);
  assert.ok(stderr.startsWith(`warning: ${what}`), stderr);
});

test('a write-once bucket of registries, mirrors of packages or video is warned of', async () => {
  const upstreams = { a: { url: 'https://a.test/' } };
  const on = (path: string, protocol: string, more: object = {}) => ({
    path,
    protocol,
    bucket: 'once',
    ...more,
  });
  const mirror = (path: string, kind: string) =>
    on(path, 'mirror', { upstreams: ['a'], prefix: path.slice(1), host: 'a.test', mirror: { kind } });
  const sites = [
    ...[on('/v2/', 'oci'), on('/live/', 'live', { prefix: 'live/' }), on('/web/', 'web')],
    ...['npm', 'apt', 'pypi', 'maven', 'go', 'nix', 'files'].map((kind) => mirror(`/${kind}/`, kind)),
  ];
  const config = join(site.dir, 'once.json');
  const before = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(config, JSON.stringify({ ...before, upstreams, sites, buckets: { once: 'write-once' } }));
  const { status, stderr } = await outcome(spawnCli(['config', 'check', '--config', config]));
  const said = [...stderr.matchAll(/^warning: site (\S+): .*needs a versioned bucket/gm)].map(([, at]) => at);
  const mirrors = ['npm', 'apt', 'pypi', 'maven', 'go', 'nix'].map((kind) => `a.test/${kind}/`);
  assert.deepEqual([status, said], [0, ['*/v2/', '*/live/', ...mirrors]]);
});

test('two mirrors with one prefix are refused if upstreams differ, and warned of if kinds do', async () => {
  const upstreams = { a: { url: 'https://a.test/' }, b: { url: 'https://b.test/' } };
  const mirror = (path: string, from: string, kind: string) => {
    const its = { path, prefix: 'm/', protocol: 'mirror', bucket: 'web', upstreams: [from] };
    return { ...its, host: 'mirror.test', mirror: { kind } };
  };
  const warned = async (...sites: object[]) => {
    const config = join(site.dir, 'mirrors.json');
    const before = JSON.parse(await readFile(site.config, 'utf8'));
    await writeFile(config, JSON.stringify({ ...before, upstreams, sites }));
    return (await outcome(spawnCli(['config', 'check', '--config', config]))).stderr;
  };
  const one = mirror('/one/', 'a', 'files');
  assert.equal(await warned(one, mirror('/two/', 'a', 'files')), '');
  const said =
    'warning: sites mirror.test/one/ and mirror.test/two/: both mirrors keep what begins with web/m/';
  const inner = { ...mirror('/two/', 'b', 'files'), prefix: 'm/n/' };
  assert.ok((await warned(one, inner)).startsWith(said));
  const refused =
    /sites\.1\.prefix: expected a prefix that no mirror of other upstreams has: mirror\.test\/one\//;
  assert.match(await warned(one, mirror('/two/', 'b', 'files')), refused);
  assert.ok((await warned(one, mirror('/two/', 'a', 'maven'))).startsWith(said));
});

test('a server warns of objects that its sites name and that are not there', async () => {
  const file = join(site.dir, '404.html');
  await writeFile(file, 'none');
  await runCli('put', file, 'web/p/404.html', '--config', site.config);
  const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0');
  const missing = () =>
    server
      .log()
      .split('\n')
      .filter((line) => line.includes('names an object that is not there'))
      .map((line) => JSON.parse(line))
      .map(({ path, setting, object }) => `${path} ${setting} ${object}`);
  try {
    const all = ['/ 410 web/p/gone.html', '/app/ fallback web/p/app.html'];
    await until(missing, ({ length }) => length >= all.length, 'warnings at the start');
    assert.deepEqual(missing().sort(), all);
    assert.ok(server.log().includes(hsts));
    const start = await readFile(site.config, 'utf8');
    const sites = [{ ...web, fallback: 'other.html' }];
    await writeFile(site.config, JSON.stringify({ ...JSON.parse(start), sites }));
    assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
    await until(missing, (said) => said.includes('/ fallback web/p/other.html'), 'a warning after a reload');
  } finally {
    await server.stop();
  }
});
