// The real npm, by way of two servers: one that has packages of its own, to which npm publishes, and one that
// mirrors it below a path.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { distOf, npmrc, packed, type Registry, startRegistry } from '../../support/npm.ts';
import { outcome, root, text } from '../../support/runtime.ts';
import { startUpstream } from '../../support/upstream.ts';

// What the origin mirrors in turn: nothing.
const nothing = await startUpstream((_, response) => void response.writeHead(404).end('{}'));
const origin = await startRegistry('/', { nothing: { url: nothing.url } }, { local: ['/**'] });
const mirror = await startRegistry(
  '/deep/npm/',
  { origin: { url: origin.url, attempts: 1 } },
  { local: ['/deep/npm/@own/**'], negativeSeconds: 0 },
);
const dir = await mkdtemp(join(tmpdir(), 'sealgate-npm-'));
after(async () => {
  await mirror.stop();
  await origin.stop();
  nothing.close();
  await rm(dir, { recursive: true, force: true });
});

/** The registry that npm asks where nobody has said another. */
async function publicRegistry(): Promise<string> {
  const { npm_config_registry: _, ...env } = process.env;
  const [user, all] = [join(dir, 'no-user'), join(dir, 'no-global')];
  const unset = { ...env, npm_config_userconfig: user, npm_config_globalconfig: all };
  const asked = spawn('npm', ['config', 'get', 'registry'], { cwd: dir, env: unset });
  const printed = text(asked.stdout);
  assert.equal((await outcome(asked)).status, 0);
  return printed().trim();
}

const npm = (cwd: string, ...args: string[]) => {
  const env = { PATH: process.env.PATH, HOME: dir };
  return outcome(spawn('npm', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }));
};
const succeeds = async (cwd: string, ...args: string[]) => {
  const { status, stdout, stderr } = await npm(cwd, ...args);
  assert.equal(status, 0, `npm ${args.join(' ')}: ${stderr}`);
  return stdout;
};

let folders = 0;
/** A folder with a package.json, and a `.npmrc` that names the registry. */
async function project(registry: Registry, manifest: object, isWriter = false): Promise<string> {
  const cwd = join(dir, `project-${folders++}`);
  await mkdir(cwd);
  await writeFile(join(cwd, 'package.json'), JSON.stringify(manifest));
  const credentials = `//${registry.url.slice('http://'.length)}:_authToken=${registry.site.token}`;
  await npmrc(cwd, [`registry=${registry.url}`, ...(isWriter ? [credentials] : [])]);
  return cwd;
}

const publish = async (registry: Registry, manifest: object, ...args: string[]) => {
  const cwd = await project(registry, manifest, true);
  await writeFile(join(cwd, 'index.js'), `module.exports = ${JSON.stringify(manifest)};`);
  return { cwd, ...(await npm(cwd, 'publish', '--access=public', ...args)) };
};
const installed = async (cwd: string, name: string) =>
  JSON.parse(await readFile(join(cwd, 'node_modules', name, 'package.json'), 'utf8')).version;
const lockOf = async (cwd: string) => JSON.parse(await readFile(join(cwd, 'package-lock.json'), 'utf8'));

for (const manifest of [
  { name: 'base', version: '1.0.0' },
  { name: '@team/lib', version: '1.2.3', dependencies: { base: '^1.0.0' } },
]) {
  const { status, stderr } = await publish(origin, manifest);
  assert.equal(status, 0, stderr);
}

test('npm install takes a scoped package and what it needs through a mirror below a path', async () => {
  const cwd = await project(mirror, { name: 'app', dependencies: { '@team/lib': '^1.0.0' } });
  await succeeds(cwd, 'install');
  assert.deepEqual([await installed(cwd, '@team/lib'), await installed(cwd, 'base')], ['1.2.3', '1.0.0']);
  const { packages } = await lockOf(cwd);
  assert.equal(packages['node_modules/base'].resolved, `${mirror.url}base/-/base-1.0.0.tgz`);
});

test('npm ci with a lock file of the public registry fetches from a mirror without packuments', async () => {
  assert.equal((await publish(origin, { name: 'cold', version: '1.0.0' })).status, 0);
  const { body } = await origin.server.curl('/cold/-/cold-1.0.0.tgz');
  const cwd = await project(mirror, { name: 'app', version: '1.0.0', dependencies: { cold: '1.0.0' } });
  const resolved = `${await publicRegistry()}cold/-/cold-1.0.0.tgz`;
  const { integrity } = distOf(body);
  const packages = {
    '': { name: 'app', version: '1.0.0', dependencies: { cold: '1.0.0' } },
    'node_modules/cold': { version: '1.0.0', resolved, integrity },
  };
  const lock = { name: 'app', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  await writeFile(join(cwd, 'package-lock.json'), JSON.stringify(lock));
  await succeeds(cwd, 'ci');
  assert.equal(await installed(cwd, 'cold'), '1.0.0');
});

test('a local scope is published to the mirror and installed from it, each version once', async () => {
  const first = await publish(mirror, { name: '@own/tool', version: '1.0.0', description: 'first' });
  assert.equal(first.status, 0, first.stderr);
  const again = await publish(
    mirror,
    { name: '@own/tool', version: '1.0.0', description: 'other' },
    '--force',
  );
  assert.notEqual(again.status, 0);
  const next = await publish(mirror, { name: '@own/tool', version: '2.0.0-rc.1' }, '--tag=next');
  assert.equal(next.status, 0, next.stderr);
  const cwd = await project(mirror, { name: 'app', dependencies: { '@own/tool': '*', base: '1' } });
  await succeeds(cwd, 'install');
  assert.equal(await installed(cwd, '@own/tool'), '1.0.0');
  const tags = () => succeeds(first.cwd, 'dist-tag', 'ls', '@own/tool');
  assert.equal(await tags(), 'latest: 1.0.0\nnext: 2.0.0-rc.1\n');
  await succeeds(first.cwd, 'dist-tag', 'add', '@own/tool@2.0.0-rc.1', 'edge');
  await succeeds(first.cwd, 'dist-tag', 'rm', '@own/tool', 'next');
  assert.equal(await tags(), 'edge: 2.0.0-rc.1\nlatest: 1.0.0\n');
  await succeeds(first.cwd, 'deprecate', '@own/tool@1.0.0', 'use 2');
  assert.equal((await succeeds(cwd, 'view', '@own/tool@1.0.0', 'deprecated')).trim(), 'use 2');
});

test('a name that is not local cannot be published to, nor a local one without a token', async () => {
  const foreign = await publish(mirror, { name: 'base', version: '9.0.0' });
  assert.match(foreign.stderr, /E403/);
  const cwd = await project(mirror, { name: '@own/anonymous', version: '1.0.0' });
  assert.notEqual((await npm(cwd, 'publish')).status, 0);
  assert.equal((await mirror.server.curl('/deep/npm/@own%2fanonymous')).status, 404);
});

test('a local name is not taken from the upstream, which has a higher version of it', async () => {
  assert.equal((await publish(origin, { name: '@own/inner', version: '99.0.0' })).status, 0);
  const cwd = await project(mirror, { name: 'app', dependencies: { '@own/inner': '*' } });
  const { status, stderr } = await npm(cwd, 'install');
  assert.notEqual(status, 0);
  assert.match(stderr, /E404/);
});

test('what a client sends that is no package of its name is refused, and changes nothing', async () => {
  const tarball = packed({ name: '@own/odd', version: '1.0.0' });
  const document = (change: object, dist: object = {}) => ({
    ...{ name: '@own/odd', 'dist-tags': { latest: '1.0.0' } },
    versions: { '1.0.0': { name: '@own/odd', version: '1.0.0', dist: { ...distOf(tarball), ...dist } } },
    _attachments: { 'odd-1.0.0.tgz': { data: tarball.toString('base64'), length: tarball.length } },
    ...change,
  });
  const put = async (body: object) => {
    const file = join(dir, 'document.json');
    await writeFile(file, JSON.stringify(body));
    return (await mirror.server.put('/deep/npm/@own%2fodd', file)).status;
  };
  assert.equal(await put(document({ name: '@own/other' })), 400);
  assert.equal(await put(document({}, { shasum: '0'.repeat(40) })), 400);
  assert.equal(await put(document({}, { integrity: distOf(Buffer.from('x')).integrity })), 400);
  assert.equal(await put(document({ _attachments: { x: { data: '%%%' } } })), 400);
  assert.equal(await put(document({ versions: { '../1': {} } })), 400);
  assert.equal((await mirror.server.curl('/deep/npm/@own%2fodd')).status, 404);
  assert.equal(await put(document({})), 201);
});

const others: [name: string, args: string[]][] = [
  ['bun', ['install']],
  // What it installs is a day old, if nobody says else.
  ['deno', ['install', '--min-dep-age=0']],
];
for (const [name, args] of others)
  test(`${name} installs a scoped package and what it needs through a mirror below a path`, async () => {
    const cwd = await project(mirror, { name: 'app', dependencies: { '@team/lib': '^1.0.0' } });
    const env = {
      ...{ PATH: process.env.PATH, HOME: cwd, NPM_CONFIG_REGISTRY: mirror.url },
      ...{ BUN_INSTALL_CACHE_DIR: join(cwd, 'bun'), DENO_DIR: join(cwd, 'deno') },
    };
    const program = join(root, '.tools/node_modules/.bin', name);
    const { status, stderr } = await outcome(
      spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    assert.equal(status, 0, stderr);
    assert.equal(await installed(cwd, '@team/lib'), '1.2.3');
    const lock = await readFile(join(cwd, name === 'bun' ? 'bun.lock' : 'deno.lock'), 'utf8');
    assert.match(lock, /base@1\.0\.0/);
  });

// Last: the origin does not come back.
test('when the upstream is gone npm installs what is kept, with an empty cache of its own', async () => {
  await origin.server.stop();
  const cwd = await project(mirror, { name: 'app', dependencies: { '@team/lib': '^1.0.0' } });
  await succeeds(cwd, 'install');
  assert.equal(await installed(cwd, 'base'), '1.0.0');
  const other = await project(mirror, { name: 'app', dependencies: { 'never-seen': '1' } });
  const { stderr } = await npm(other, 'install');
  assert.match(stderr, /E503/);
});
