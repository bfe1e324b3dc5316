// `sealgate config check` says what a reload of the running server would change, and changes nothing.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';

const web = (host: string, more = {}) => ({ host, bucket: 'web', ...more });
const upstream = { url: 'https://upstream.test/' };
const control = `http://127.0.0.1:${await freePort()}`;
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  control: { listen: control },
  sites: [web('one.test'), web('two.test'), web('three.test')],
  upstreams: { one: upstream, two: upstream },
});
const start = JSON.parse(await readFile(site.config, 'utf8'));
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--control', control);
after(async () => {
  await server.stop();
  await site.remove();
});

const configure = (settings: object) => writeFile(site.config, JSON.stringify({ ...start, ...settings }));
async function check(...args: string[]) {
  const { status, stdout, stderr } = await outcome(
    spawnCli(['config', 'check', '--config', site.config, ...args]),
  );
  return { status, stdout: stdout.split('\n').slice(0, -1), stderr };
}
const good = 'the configuration is good';

test('nothing was edited: no site, and flags of the running server are no change', async () => {
  assert.deepEqual(await check(), { status: 0, stdout: [good, 'a reload would change nothing'], stderr: '' });
});

test('sites and upstreams added, removed, changed, and what takes a restart: each is named', async () => {
  const sites = [web('one.test'), web('two.test', { hashedNames: true }), web('four.test')];
  const trustedProxies = { from: ['127.0.0.9'] };
  const upstreams = { one: { ...upstream, offline: true }, three: upstream };
  await configure({ sites, upstreams, trustedProxies, lastModified: 'source', limits: { uploads: 7 } });
  assert.deepEqual(await check(), {
    status: 0,
    stdout: [
      good,
      'a reload would change:',
      '  added    upstream three',
      '  removed  upstream two',
      '  changed  upstream one: offline',
      '  added    four.test/',
      '  removed  three.test/',
      '  changed  two.test/: hashedNames',
      '  changed  trustedProxies.from',
      'takes a restart: lastModified, limits.uploads',
    ],
    stderr: '',
  });
  const json = JSON.parse((await check('--json')).stdout.join('\n'));
  assert.deepEqual(json, {
    file: site.config,
    sites: {
      added: ['four.test/'],
      removed: ['three.test/'],
      changed: { 'two.test/': ['hashedNames'] },
      unchanged: 1,
    },
    upstreams: { added: ['three'], removed: ['two'], changed: { one: ['offline'] }, unchanged: 0 },
    buckets: [],
    settings: ['trustedProxies.from'],
    restart: ['lastModified', 'limits.uploads'],
    warnings: [],
  });
  for (const [host, status] of [
    ['three.test', 404],
    ['four.test', 421],
  ] as const)
    assert.equal((await server.curl('/', '-H', `Host: ${host}`)).status, status, 'it is as it was');
});

test('what the reload then says is what was said before', async () => {
  const { stdout } = await check();
  const reload = ['config', 'reload', '--config', site.config];
  const said = await outcome(spawnCli(reload));
  assert.deepEqual(
    said.stdout.split('\n').slice(0, 7),
    stdout.slice(2, 9).map((line) => line.trim()),
  );
  assert.match(said.stderr, /takes a restart: lastModified, limits\.uploads/);
  assert.deepEqual((await check()).stdout.slice(0, 2), [good, 'a reload would change nothing']);
});

test('a site whose bucket is not there: check and reload warn; a declared bucket is made', async () => {
  const sites = [web('one.test', { bucket: 'wbe' }), web('two.test', { bucket: 'new' })];
  await configure({ sites, buckets: { ...start.buckets, new: 'versioned' } });
  const warning = 'warning: site one.test/: there is no bucket wbe, so it has nothing to serve; ';
  const checked = await check();
  assert.equal(checked.status, 0);
  assert.ok(checked.stderr.startsWith(warning), checked.stderr);
  const reloaded = await outcome(spawnCli(['config', 'reload', '--config', site.config]));
  assert.equal(reloaded.status, 0);
  assert.ok(reloaded.stderr.startsWith(warning), reloaded.stderr);
  for (const { stderr } of [checked, reloaded]) assert.doesNotMatch(stderr, /two\.test/);
});

test('a faulty configuration: its faults alone, and the server says the same', async () => {
  await configure({ sites: [web('UPPER')] });
  const { status, stdout, stderr } = await check();
  assert.deepEqual([status, stdout], [78, []]);
  assert.match(stderr, /sites\.0\.host: expected a host name/);
  const answer = await fetch(`${control}/reload`);
  assert.equal(answer.status, 422);
  assert.match(((await answer.json()) as { detail: string }).detail, /sites\.0\.host: expected a host name/);
});

test('a signing key that is not there: refused before a reload', async () => {
  await configure({ sites: [web('one.test', { signed: { keys: ['./none.key'] } })] });
  assert.equal((await check()).status, 78);
  const answer = await fetch(`${control}/reload`);
  assert.match(((await answer.json()) as { detail: string }).detail, /site one\.test\/: signed\.keys\.0: /);
});

test('a server that reads another file: nothing of it, unless it is named', async () => {
  await configure({});
  const other = join(site.dir, 'other.json');
  await writeFile(other, JSON.stringify({ ...start, sites: [web('five.test')] }));
  const args = ['config', 'check', '--config', other];
  assert.deepEqual(await outcome(spawnCli(args)), { status: 0, stdout: `${good}\n`, stderr: '' });
  const named = await outcome(spawnCli([...args, '--control', control]));
  assert.equal(named.stdout, `${good}\n`);
  assert.equal(named.stderr, `the server reads ${site.config}, and not ${other}\n`);
});

test('no server: the check alone; with --control it is said', async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await configure({ control: { listen: nobody } });
  assert.deepEqual(await check(), { status: 0, stdout: [good], stderr: '' });
  const named = await check('--control', nobody);
  assert.deepEqual([named.status, named.stdout], [0, [good]]);
  assert.match(named.stderr, /what a reload would change is not known: .*no server answers there/);
});

test('a running server of an earlier version, which tells nothing of upstreams: what it tells', async () => {
  const told = {
    sites: { added: ['a/'], removed: [], changed: {}, unchanged: 2 },
    buckets: [],
    settings: [],
  };
  const earlier = createServer((_, answer) => answer.end(JSON.stringify({ ...told, restart: [] })));
  await new Promise<void>((resolve) => earlier.listen(0, '127.0.0.1', resolve));
  const { port } = earlier.address() as AddressInfo;
  const args = ['config', 'reload', '--config', site.config, '--control', `http://127.0.0.1:${port}`];
  const said = await outcome(spawnCli(args));
  earlier.close();
  assert.deepEqual(said, { status: 0, stdout: 'added    a/\n2 sites are as before\n', stderr: '' });
});
