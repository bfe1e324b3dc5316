// A registry passes audits and searches on to its upstream, without its own names and whatever its clients
// show of themselves; and what npm asks that needs no upstream: whoami, tags with names of JavaScript,
// unpublish.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { distOf, npmrc, packed, startRegistry } from '../support/npm.ts';
import { startUpstream } from '../support/upstream.ts';

const run = promisify(execFile);
let answer = { status: 200, body: '{}' };
let bodies: string[] = [];
async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
const upstream = await startUpstream(async (request, response) => {
  bodies.push(await textOf(request));
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
});
const registry = await startRegistry(
  '/npm/',
  { public: { url: `${upstream.url}r/`, attempts: 1, token: './up.token' } },
  { local: ['/npm/@own/**'], negativeSeconds: 0 },
  { 'up.token': 'of-the-upstream\n' },
);
const { server, site } = registry;
const dir = await mkdtemp(join(tmpdir(), 'npm-'));
after(async () => {
  await registry.stop();
  upstream.close();
  await rm(dir, { recursive: true });
});
beforeEach(() => {
  upstream.asked.length = 0;
  upstream.fields.length = 0;
  bodies = [];
  answer = { status: 200, body: '{}' };
});
const authorized = ['-H', `Authorization: Bearer ${site.token}`];
const ask = async (path: string, ...args: string[]) => {
  const { status, body } = await server.curl(path, ...args);
  return { status, text: body.toString() };
};
const bulk = '/npm/-/npm/v1/security/advisories/bulk';
const quick = '/npm/-/npm/v1/security/audits/quick';

test('an audit reaches the upstream without own names and without credentials of the client', async () => {
  answer.body = '{"a":[{"id":1}]}';
  const body = join(dir, 'bulk.gz');
  await writeFile(body, gzipSync(JSON.stringify({ a: ['1.0.0'], '@own/secret': ['1.0.0'] })));
  const sent = ['--data-binary', `@${body}`, '-H', 'Content-Encoding: gzip', ...authorized];
  assert.deepEqual(await ask(bulk, ...sent), { status: 200, text: answer.body });
  assert.deepEqual(upstream.asked, ['POST /r/-/npm/v1/security/advisories/bulk']);
  assert.deepEqual(JSON.parse(bodies[0] ?? ''), { a: ['1.0.0'] });
  assert.equal(upstream.fields[0]?.authorization, 'Bearer of-the-upstream');
});

test('an audit of a tree loses own names at every depth', async () => {
  const tree = {
    ...{ name: '@own/app', requires: { a: '1', '@own/secret': '1' } },
    dependencies: { a: { version: '1.0.0', dependencies: { '@own/deep': { version: '1' }, b: {} } } },
  };
  assert.equal((await ask(quick, '-d', JSON.stringify(tree))).status, 200);
  assert.deepEqual(JSON.parse(bodies[0] ?? ''), {
    ...{ requires: { a: '1' } },
    dependencies: { a: { version: '1.0.0', dependencies: { b: {} } } },
  });
});

test('an audit of a tree tells of no own names to be installed or behind an alias', async () => {
  const own = 'npm:@own/secret@1.0.0';
  const tree = {
    ...{ install: ['a@1', '@own/new@^2', `x@${own}`, 7], remove: ['@own/old', 'b'] },
    requires: { a: '1', renamed: own },
    dependencies: { a: { version: 'npm:b@1.0.0' }, renamed: { version: own } },
  };
  assert.equal((await ask(quick, '-d', JSON.stringify(tree))).status, 200);
  assert.deepEqual(JSON.parse(bodies[0] ?? ''), {
    ...{ install: ['a@1'], remove: ['b'] },
    ...{ requires: { a: '1' }, dependencies: { a: { version: 'npm:b@1.0.0' } } },
  });
});

test('a search for an own name finds nothing, and no upstream is told of it', async () => {
  const { status, text } = await ask('/npm/-/v1/search?text=x%20@own/secret');
  assert.deepEqual([status, JSON.parse(text).objects], [200, []]);
  assert.deepEqual(upstream.asked, []);
});

test('audits that are too long, unfold too far or are no JSON are refused, and nobody is asked', async () => {
  const bomb = join(dir, 'bomb.gz');
  await writeFile(bomb, gzipSync(`{"a":"${'x'.repeat(2 ** 25)}"}`));
  const gzip = ['--data-binary', `@${bomb}`, '-H', 'Content-Encoding: gzip'];
  assert.equal((await ask(bulk, ...gzip)).status, 400);
  const long = join(dir, 'long');
  await writeFile(long, `{"a":"${'x'.repeat(2 ** 20)}"}`);
  assert.equal((await ask(bulk, '--data-binary', `@${long}`)).status, 413);
  for (const body of ['no', '[]', '['.repeat(2000)]) assert.equal((await ask(bulk, '-d', body)).status, 400);
  assert.equal((await ask(bulk, '-d', '{}', '-H', 'Content-Encoding: br')).status, 415);
  assert.equal((await ask('/npm/-/npm/v1/other', '-d', '{}')).status, 405);
  assert.deepEqual(upstream.asked, []);
});

test('a search is passed on with bounds, and finds no own names of somebody else', async () => {
  const found = ['good', '@own/evil', '<b>'].map((name) => ({ package: { name } }));
  answer.body = JSON.stringify({ objects: found, total: 3, time: 'now' });
  const { status, text } = await ask('/npm/-/v1/search?text=x%26y&size=9999&from=-1&quality=0.5&evil=1');
  assert.deepEqual([status, JSON.parse(text).objects], [200, [{ package: { name: 'good' } }]]);
  assert.deepEqual(upstream.asked, ['GET /r/-/v1/search?text=x%26y&size=250&quality=0.5']);
  assert.equal((await ask(`/npm/-/v1/search?text=${'x'.repeat(600)}`)).status, 400);
  answer.body = '<html>';
  assert.equal((await ask('/npm/-/v1/search?text=x')).status, 502);
  answer.body = 'x'.repeat(9 * 2 ** 20);
  assert.equal((await ask('/npm/-/v1/search?text=x')).status, 503);
  answer = { status: 404, body: '' };
  assert.equal((await ask('/npm/-/v1/search?text=x')).status, 404);
});

test('audits that fail are no reason to leave alone an upstream that has packages', async () => {
  answer.status = 500;
  for (let time = 0; time < 8; time++) assert.equal((await ask(bulk, '-d', '{"a":["1.0.0"]}')).status, 503);
  answer.status = 404;
  assert.equal((await ask('/npm/nowhere')).status, 404);
  assert.equal(upstream.asked.length, 9);
});

test('an upstream that has no audits and searches: 404, and no second request', async () => {
  for (const status of [404, 405, 410, 501]) {
    answer = { status, body: '<h1>not here</h1>' };
    upstream.asked.length = 0;
    assert.equal((await ask(bulk, '-d', '{"a":["1.0.0"]}')).status, 404, `audit, ${status}`);
    assert.equal((await ask('/npm/-/v1/search?text=x')).status, 404, `search, ${status}`);
    assert.equal(upstream.asked.length, 2);
  }
  for (const status of [401, 403, 500, 503]) {
    answer = { status, body: '' };
    assert.equal((await ask(bulk, '-d', '{"a":["1.0.0"]}')).status, 503, `${status}`);
  }
});

test('npm asks: audit finds an advisory, search a package, ping and whoami are answered', async () => {
  const npm = (...args: string[]) =>
    run('npm', args, { cwd: dir, env: { ...process.env, NPM_CONFIG_REGISTRY: registry.url } }).catch(
      (error: { stdout: string }) => error,
    );
  const token = `${registry.url.replace(/^http:/, '')}:_authToken=${site.token}`;
  await npmrc(dir, [`registry=${registry.url}`, token]);
  const lock = { version: '1.0.0', resolved: `${registry.url}bad/-/bad-1.0.0.tgz`, integrity: 'sha512-AAAA' };
  const root = { name: 'app', version: '1.0.0', dependencies: { bad: '1.0.0' } };
  await writeFile(join(dir, 'package.json'), JSON.stringify(root));
  const packages = { '': root, 'node_modules/bad': lock };
  const locked = { name: 'app', version: '1.0.0', lockfileVersion: 3, packages };
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify(locked));
  const advisory = { id: 7, title: 'it is bad', severity: 'high', vulnerable_versions: '<2', url: 'x:y' };
  answer.body = JSON.stringify({ bad: [advisory] });
  assert.match((await npm('audit', '--json')).stdout, /"it is bad"/);
  const found = { name: 'found', version: '1.0.0', description: '', keywords: [], maintainers: [] };
  answer.body = JSON.stringify({ objects: [{ package: { ...found, date: '2026-01-01' } }], total: 1 });
  assert.match((await npm('search', 'found', '--json')).stdout, /"found"/);
  assert.match((await npm('whoami')).stdout, /^token\n$/);
  assert.match((await npm('ping', '--json')).stdout, /"registry"/);
});

test('whoami needs a token; tags with names of JavaScript are none; unpublish is refused', async () => {
  assert.equal((await ask('/npm/-/whoami')).status, 401);
  const own = packed({ name: '@own/kept', version: '1.0.0' });
  const document = {
    ...{ name: '@own/kept', 'dist-tags': { latest: '1.0.0' } },
    versions: { '1.0.0': { name: '@own/kept', version: '1.0.0', dist: distOf(own) } },
    _attachments: { 'kept-1.0.0.tgz': { data: own.toString('base64'), length: own.length } },
  };
  const put = ['-X', 'PUT', '-d', JSON.stringify(document), ...authorized];
  assert.equal((await ask('/npm/@own%2fkept', ...put)).status, 201);
  const tags = '/npm/-/package/@own%2fkept/dist-tags';
  for (const tag of ['toString', 'constructor', 'hasOwnProperty'])
    assert.equal((await ask(`${tags}/${tag}`, '-X', 'DELETE', ...authorized)).status, 404, tag);
  for (const [method, path] of [
    ['PUT', '@own%2fkept/-rev/undefined'],
    ['DELETE', '@own%2fkept/-rev/undefined'],
    ['DELETE', '@own/kept/-/kept-1.0.0.tgz/-rev/undefined'],
  ] as const) {
    const refused = await ask(`/npm/${path}`, '-X', method, ...authorized, '-d', '{}');
    assert.deepEqual([refused.status, /npm deprecate/.test(refused.text)], [405, true], path);
  }
});
