// sealgate mirror beside mirrors of packages: names that upstreams have elsewhere, and what never changes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, beforeEach, test } from 'node:test';
import { distOf, packed } from '../support/npm.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const files = new Map<string, string | Buffer>();
const upstream = await startUpstream(({ url = '', headers }, response) => {
  const body = files.get(url);
  if (body === undefined) return void response.writeHead(404).end();
  const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
  response.setHeader('etag', etag);
  response.setHeader('cache-control', 'max-age=1000');
  if (headers['if-none-match'] === etag) return void response.writeHead(304).end();
  response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
});
const kinds = ['pypi', 'maven', 'go', 'nix', 'npm', 'apt'];
const mirrored = await startMirrors(
  { up: { url: upstream.url, attempts: 1 } },
  kinds.map((kind) => ({
    ...{ path: `/${kind}/`, prefix: `${kind}/`, upstreams: ['up'], mirror: { kind } },
    ...(kind === 'npm' && { publicUrl: 'https://packages.example.com/npm/' }),
  })),
);
after(async () => {
  await mirrored.stop();
  upstream.close();
});
beforeEach(() => {
  upstream.asked.length = 0;
});
async function mirror(...args: string[]) {
  const control = ['--control', mirrored.server.control ?? '', '--config', mirrored.site.config];
  return outcome(spawnCli(['mirror', ...args, ...control]));
}
/** Names, and whether each is fresh for ever. */
async function listed(where: string): Promise<[string, boolean][]> {
  const { stdout } = await mirror('ls', where, '--json');
  const lines = stdout.trim().split('\n');
  const told = lines.map((line) => JSON.parse(line)).filter(({ upstream: from }) => from === 'up');
  return told.map(({ name, fresh }) => [name, fresh === undefined]);
}

const wheel = '/packages/tool-1-py3-none-any.whl';
const page = (more: string) =>
  `<a href="${wheel}#sha256=${sha256('wheel')}">tool-1-py3-none-any.whl</a>${more}`;

test('pypi: a page is warmed by its name or its URL, and files are fresh for ever', async () => {
  files.set('/simple/tool/', page(''));
  files.set(wheel, 'wheel');
  assert.equal((await mirror('warm', 'mirror/pypi/simple/Tool')).stdout, '1 fetched\n');
  assert.equal((await mirror('warm', 'http://localhost/pypi/simple/tool/')).stdout, '1 kept\n');
  const own = `pypi/-/${sha256('wheel')}/http/127.0.0.1:${upstream.port}${wheel}`;
  assert.equal((await mirror('warm', `mirror/${own}`)).stdout, '1 fetched\n');
  const names = [`pypi/-/${sha256('wheel')}/tool-1-py3-none-any.whl`, 'pypi/simple/tool'];
  assert.deepEqual(await listed('mirror/pypi/'), [
    [names[0], true],
    [names[1], false],
  ]);
  const same = await mirror('check', 'mirror/pypi/');
  assert.deepEqual([same.status, same.stdout], [0, '2 same\n']);
  files.set('/simple/tool/', page('<br>'));
  files.delete(wheel);
  const { status, stdout } = await mirror('check', 'mirror/pypi/');
  assert.equal(status, 1);
  assert.match(stdout, /^changed {2}mirror\/pypi\/simple\/tool: .*\n1 same, 1 changed\n$/);
});

test('npm: a packument with a scope is compared, a tarball is what its packument says', async () => {
  const manifest = { name: '@a/one', version: '1.0.0' };
  const versions = { '1.0.0': { ...manifest, dist: distOf(packed(manifest)) } };
  const packument = { name: '@a/one', 'dist-tags': { latest: '1.0.0' }, versions };
  files.set('/@a%2fone', JSON.stringify(packument));
  files.set('/%40a/one/-/one-1.0.0.tgz', packed(manifest));
  const warm = await mirror('warm', 'mirror/npm/@a/one', 'mirror/npm/@a/one/-/one-1.0.0.tgz');
  assert.deepEqual([warm.status, warm.stderr], [0, '']);
  assert.deepEqual(await listed('mirror/npm/'), [
    ['npm/@a/one', false],
    ['npm/@a/one/-/one-1.0.0.tgz', true],
  ]);
  upstream.asked.length = 0;
  assert.equal((await mirror('check', 'mirror/npm/')).stdout, '2 same\n');
  assert.deepEqual(upstream.asked, ['GET /@a%2fone']);
  files.set('/@a%2fone', JSON.stringify({ ...packument, readme: 'new' }));
  assert.match((await mirror('check', 'mirror/npm/')).stdout, /^changed {2}mirror\/npm\/@a\/one: /);
});

test('apt: an index by its digest is the same also where it is gone; others may differ', async () => {
  const index = `/dists/x/main/binary-amd64/by-hash/SHA256/${sha256('index')}`;
  files.set(index, 'index');
  files.set('/dists/x/Release.gpg', 'signature');
  files.set('/pool/main/a_1_amd64.deb', 'package');
  for (const name of [index, '/dists/x/Release.gpg', '/pool/main/a_1_amd64.deb'])
    assert.equal((await mirror('warm', `mirror/apt${name}`)).stdout, '1 fetched\n');
  assert.deepEqual(await listed('mirror/apt/'), [
    ['apt/dists/x/Release.gpg', false],
    [`apt${index}`, true],
    ['apt/pool/main/a_1_amd64.deb', true],
  ]);
  files.delete(index);
  assert.equal((await mirror('check', 'mirror/apt/')).stdout, '3 same\n');
  files.set('/dists/x/Release.gpg', 'another signature');
  files.set('/pool/main/a_1_amd64.deb', 'another package');
  assert.match(
    (await mirror('check', 'mirror/apt/')).stdout,
    /\n1 same, 2 changed\n$|\n2 changed, 1 same\n$/,
  );
});

test('maven, go and nix: what never changes is fresh for ever, and the rest is not', async () => {
  files.set('/org/a/1/a-1.jar', 'jar');
  files.set('/org/a/1/a-1.jar.sha256', sha256('jar'));
  files.set('/org/a/maven-metadata.xml', '<metadata/>');
  for (const file of ['v1.0.0.mod', 'list']) files.set(`/example.org/m/%40v/${file}`, file);
  files.set(`/nar/${sha256('nar')}.nar`, 'nar');
  files.set('/nix-cache-info', 'StoreDir: /nix/store');
  const names = ['maven/org/a/1/a-1.jar', 'maven/org/a/maven-metadata.xml', 'go/example.org/m/@v/v1.0.0.mod'];
  names.push('go/example.org/m/@v/list', `nix/nar/${sha256('nar')}.nar`, 'nix/nix-cache-info');
  const { stdout } = await mirror('warm', ...names.map((name) => `mirror/${name}`));
  assert.equal(stdout, '6 fetched\n');
  const all = new Map(await listed('mirror'));
  assert.deepEqual(
    names.map((name) => all.get(name)),
    [true, false, true, false, true, false],
  );
  for (const kind of ['maven', 'go', 'nix'])
    assert.equal((await mirror('check', `mirror/${kind}`)).status, 0);
});

test('a name without a bucket, and one below no mirror: a sentence says what was expected', async () => {
  const { status, stderr } = await mirror('warm', 'pypi', 'mirror/', 'mirror/none/x');
  assert.equal(status, 1);
  assert.match(stderr, /pypi: failed: expected BUCKET\/NAME or a URL/);
  assert.match(stderr, /mirror\/: failed: expected BUCKET\/NAME or a URL/);
  assert.match(stderr, /mirror\/none\/x: failed: No site with upstreams fetches into mirror\/none\/x/);
});
