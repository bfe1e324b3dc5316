// `sitesFolder` names a folder whose *.json files are further sites. They are read again with the
// configuration, and a fault names the file that it is in.

import assert from 'node:assert/strict';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { ConfigError, fileOf, loadConfig } from '../../src/config/config.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/store.ts';
import { until } from '../support/wait.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));
const file = join(dir, 'sealgate.json');
const folder = join(dir, 'sites.d');
const at = (name: string) => join(folder, name);
const web = (host: string, more = {}) => ({ host, bucket: 'web', ...more });

beforeEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
});

const put = (name: string, content: unknown) =>
  writeFile(at(name), typeof content === 'string' ? content : JSON.stringify(content));

async function load(config: object = {}) {
  await writeFile(file, JSON.stringify({ sitesFolder: 'sites.d', ...config }));
  return loadConfig({ file, env: {} });
}

async function faults(config: object = {}): Promise<string[]> {
  const error = await load(config).then(
    () => assert.fail('it was taken for good'),
    (cause) => cause,
  );
  assert.ok(error instanceof ConfigError, `${error}`);
  return error.message.split('\n');
}

const hosts = async (config: object = {}) => (await load(config)).sites?.map(({ host }) => host);

test('sites of the file come first, then those of the folder by name of their file', async () => {
  await put('20-b.json', web('b.test'));
  await put('10-a.json', [web('a1.test'), web('a2.test')]);
  await put('.hidden.json', 'no JSON');
  await put('30-c.json.off', 'no JSON');
  await put('README', 'no JSON');
  assert.deepEqual(await hosts(), ['a1.test', 'a2.test', 'b.test']);
  assert.deepEqual(await hosts({ sites: [web('own.test')] }), ['own.test', 'a1.test', 'a2.test', 'b.test']);
});

test('a link to a file elsewhere is a site, and an empty list is none', async () => {
  await writeFile(join(dir, 'available.json'), JSON.stringify(web('linked.test')));
  await symlink(join(dir, 'available.json'), at('linked.json'));
  await put('none.json', []);
  assert.deepEqual(await hosts(), ['linked.test']);
});

test('keys are named from the folder of the configuration', async () => {
  await put('a.json', web('a.test', { signed: { keys: ['./keys/a.key'] } }));
  assert.deepEqual((await load()).sites?.[0]?.signed?.keys, [join(dir, 'keys', 'a.key')]);
});

test('what config show prints gives the same sites without the folder', async () => {
  await put('a.json', web('a.test'));
  const shown = fileOf(await load({ sites: [web('own.test')] })) as object;
  assert.ok(!('sitesFolder' in shown));
  await writeFile(file, JSON.stringify(shown));
  const again = await loadConfig({ file, env: {} });
  assert.deepEqual(
    again.sites?.map(({ host }) => host),
    ['own.test', 'a.test'],
  );
});

test('faults name the file, and where in it; those of two files both', async () => {
  await put('a.json', web('UPPER.test'));
  await put('b.json', [web('b.test'), { host: 'c.test', bogus: 1 }, 7]);
  const told = await faults({ sites: [{ host: 'own.test' }] });
  assert.deepEqual(
    told.map((each) => each.split(': expected', 1)[0]?.split(': there is', 1)[0]).sort(),
    [
      `${file}: sites.0.bucket`,
      `${at('a.json')}: host`,
      `${at('b.json')}: 1`,
      `${at('b.json')}: 1.bucket`,
      `${at('b.json')}: 2`,
    ].sort(),
  );
  const [host = ''] = told.filter((each) => each.startsWith(at('a.json')));
  assert.match(host, /: expected a host name in lower case, .*, got "UPPER\.test"$/);
});

test('two sites in one place: the fault names both files', async () => {
  await put('a.json', [web('a.test'), web('b.test')]);
  await put('b.json', web('b.test'));
  const [told] = await faults();
  assert.equal(
    told,
    `${at('b.json')}: path: expected another host or path than ${at('a.json')}: 1 has, b.test/, got nothing`,
  );
});

for (const [what, content, said] of [
  ['no JSON', '{"host": ', /a\.json(?::1)?: is not JSON: /],
  [
    'a file of more than a MiB',
    JSON.stringify(web('a.test')) + ' '.repeat(2 ** 20),
    /a\.json: expected at most/,
  ],
] as const)
  test(`${what}: a fault with the name of the file`, async () => {
    await put('a.json', content);
    const told = await faults();
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', said);
  });

test('a folder in the place of a file, a link to nowhere, no folder, 1,001 files: a fault each', async () => {
  await mkdir(at('a.json'));
  assert.match((await faults())[0] ?? '', /a\.json: is no ordinary file/);
  await rm(at('a.json'), { recursive: true });
  await symlink('/nowhere', at('a.json'));
  assert.match((await faults())[0] ?? '', /a\.json: cannot be read \(ENOENT\)/);
  await rm(at('a.json'));
  for (let i = 0; i <= 1000; i++) await put(`${i}.json`, '[]');
  assert.match((await faults())[0] ?? '', /sites\.d: expected at most 1000 files of sites, found 1001/);
  await rm(folder, { recursive: true });
  assert.match((await faults())[0] ?? '', /sites\.d: cannot be read \(ENOENT\); make it/);
});

test('no site in the folder and the file: a fault, for objects would be on every host', async () => {
  const [told] = await faults();
  assert.match(told ?? '', /sites: expected at least 1/);
});

test('a running server reads the folder again; a faulty file is refused and named', async () => {
  const site = await createSite({ buckets: { web: 'versioned' }, sitesFolder: 'sites.d' });
  const files = join(site.dir, 'sites.d');
  await mkdir(files);
  await writeFile(join(files, 'a.json'), JSON.stringify(web('a.test')));
  const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0');
  const status = async (host: string) => (await server.curl('/', '-H', `Host: ${host}`)).status;
  assert.deepEqual([await status('a.test'), await status('b.test')], [404, 421]);
  const reload = ['config', 'reload', '--config', site.config, '--control', server.control ?? ''];
  await writeFile(join(files, 'b.json'), JSON.stringify(web('b.test')));
  assert.equal(await runCli(...reload), 'added    b.test/\n1 site is as before\n');
  assert.equal(await status('b.test'), 404);
  await writeFile(join(files, 'c.json'), '{}');
  const refused = await outcome(spawnCli(reload));
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /c\.json: bucket: expected a bucket name/);
  await rename(join(files, 'c.json'), join(files, 'c.json.off'));
  await rm(join(files, 'a.json'));
  process.kill(server.pid, 'SIGHUP');
  await until(
    () => status('a.test'),
    (found) => found === 421,
    'the removed site',
  );
  assert.equal(await status('b.test'), 404);
  assert.ok((await readFile(site.config, 'utf8')).includes('sites.d'));
  await server.stop();
  await site.remove();
});
