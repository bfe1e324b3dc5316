// sealgate apt publish: packages that were uploaded become a repository that the real apt-get takes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { AptArchive, AptClient, makePackage } from '../../support/apt_repository.ts';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';

const site = await createSite({
  buckets: { packages: 'versioned' },
  sites: [
    { path: '/repo/', bucket: 'packages' },
    { path: '/', protocol: 'objects' },
  ],
});
const dir = join(site.dir, 'apt');
await mkdir(dir);
const archive = await AptArchive.create(dir);
let server: TestServer | undefined;
after(async () => {
  await server?.stop();
  await archive.close();
  await site.remove();
});

const token = join(site.dir, 'token');
await writeFile(token, site.token, { mode: 0o600 });
const config = ['--config', site.config, '--token-file', token];
const signing = ['--sign-with', 'test', '--gpg-home', archive.home];
const root = 'packages/debian';

async function upload(name: string, version: string, how = {}): Promise<string> {
  const file = await makePackage(dir, name, version, how);
  await runCli('put', file, `${root}/pool/main/${basename(file)}`, ...config);
  return basename(file);
}
const publish = (...args: string[]) =>
  runCli('apt', 'publish', root, '--suite', 'stable', ...args, ...config);
const client = (options: string) => {
  const line = `deb [${options}] ${server?.url}/repo/debian stable main`;
  return AptClient.create(dir, line, site.certificate);
};
const listed = async () => {
  const found = await runCli('ls', `${root}/dists/`, '--json', ...config);
  return found
    .trim()
    .split('\n')
    .map((each): string => JSON.parse(each).name);
};
const byHash = async () => (await listed()).filter((name) => name.includes('/by-hash/'));

test('a store without a server: packages of three forms are published, and signed', async () => {
  await upload('hello', '1.0');
  await upload('plus', '1.0+b1~rc', { form: 'gzip' });
  await upload('data', '1', { architecture: 'all' });
  const said = await publish('--origin', 'test', '--valid-days', '30', ...signing);
  assert.equal(said, 'packages/debian stable: 3 packages, signed with test\n');
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  server = await TestServer.start(site, '--workers', '1', ...listen);
  const machine = await client(`signed-by=${archive.key}`);
  await machine.update();
  const files = ['data_1_all.deb', 'hello_1.0_amd64.deb', 'plus_1.0+b1~rc_amd64.deb'];
  assert.deepEqual(await machine.download('hello', 'plus', 'data'), files);
});

test('through a server: the next update has what was published; old indexes stay once', async () => {
  const machine = await client(`signed-by=${archive.key}`);
  await machine.update();
  const first = await byHash();
  await upload('hello', '2.0');
  await publish(...signing);
  const second = (await byHash()).filter((name) => !first.includes(name));
  // Who has the Release file of before finds its indexes.
  for (const name of first) assert.equal((await server?.curl(`/repo/${name}`))?.status, 200);
  assert.deepEqual(await machine.download('hello'), ['hello_1.0_amd64.deb']);
  await machine.update();
  assert.deepEqual(await machine.download('hello'), ['hello_1.0_amd64.deb', 'hello_2.0_amd64.deb']);
  await upload('hello', '3.0', { form: 'zstd' });
  await publish(...signing);
  const left = await byHash();
  assert.deepEqual(
    first.filter((name) => left.includes(name)),
    [],
  );
  assert.deepEqual(second.filter((name) => left.includes(name)).length, second.length);
});

test('an index that is read between two equal Release files is listed, during a publish too', async () => {
  const get = async (path: string) => {
    const answer = await fetch(`${server?.urls[1]}/repo/debian/dists/stable/${path}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  let isOver = false;
  let equal = 0;
  const reading = (async () => {
    while (!isOver) {
      const before = await get('Release');
      const index = await get('main/binary-amd64/Packages');
      if (!before.equals(await get('Release'))) continue;
      equal++;
      assert.match(`${before}`, new RegExp(createHash('sha256').update(index).digest('hex')));
    }
  })();
  await upload('hello', '4.0');
  await publish(...signing).finally(() => {
    isOver = true;
  });
  await reading;
  assert.ok(equal > 0);
  assert.ok(!(await listed()).some((name) => name.includes('/.publishing')));
});

test('a suite that is being published: another publish is refused, and none of its names stays', async () => {
  const claim = `${root}/dists/stable/.publishing`;
  const claimed = async (since: Date) => {
    const file = join(dir, 'claim');
    await writeFile(file, `${since.toISOString()} x\n`);
    await runCli('put', file, claim, ...config);
  };
  const args = ['apt', 'publish', root, '--suite', 'stable', ...signing, ...config];
  await claimed(new Date());
  const refused = await outcome(spawnCli(args));
  assert.deepEqual([refused.status, /is being published by another command/.test(refused.stderr)], [1, true]);
  // Its command was killed.
  await claimed(new Date(Date.now() - 2 * 3_600_000));
  await publish(...signing);
  const both = await Promise.all([spawnCli(args), spawnCli(args)].map((each) => outcome(each)));
  assert.ok(both.some(({ status }) => status === 0));
  for (const { status, stderr } of both) if (status !== 0) assert.match(stderr, /published by another/);
  assert.ok(!(await listed()).some((name) => name.endsWith('.publishing')));
});

test('a publish that fails halfway: it says why, and the files that were put ahead are gone', async () => {
  const before = await listed();
  const usage = async (): Promise<number> => {
    const lines = (await runCli('bucket', 'ls', '--json', '--config', site.config)).trim().split('\n');
    return lines.map((line) => JSON.parse(line)).find(({ name }) => name === 'packages').usage.objects;
  };
  const set = ['bucket', 'set', 'packages', '--config', site.config, '--why', 'a test'];
  const limit = (objects: string) => runCli(...set, '--quota-objects', objects);
  // The claim and one file of three.
  await limit(`${(await usage()) + 2}`);
  const args = ['apt', 'publish', root, '--suite', 'stable', ...signing, ...config];
  const { status, stderr } = await outcome(spawnCli(args));
  await limit('none');
  assert.deepEqual([status, /quota/.test(stderr)], [1, true], stderr);
  assert.deepEqual(await listed(), before);
});

test('without a key: no signature is left, and clients with [trusted=yes] take it', async () => {
  assert.equal(await publish(), 'packages/debian stable: 6 packages, not signed\n');
  const files = (await listed()).filter((name) => /Release/.test(name));
  assert.deepEqual(files, ['debian/dists/stable/Release']);
  const machine = await client('trusted=yes');
  await machine.update();
  assert.deepEqual(await machine.download('hello'), ['hello_4.0_amd64.deb']);
});

const wrong: [what: string, given: string[], said: RegExp][] = [
  ['no suite', [], /required option '--suite/],
  ['a suite with a slash', ['--suite', '../x'], /--suite: expected letters/],
  ['an empty pool', ['--suite', 's', '--pool', 'none'], /no package \(\*\.deb\) below debian\/none\//],
  ['days that are none', ['--suite', 's', '--valid-days', '0'], /--valid-days: expected a whole number/],
  ['a key that is not there', ['--suite', 's', ...signing, '--sign-with', 'nobody'], /cannot be signed: gpg/],
];
for (const [what, given, said] of wrong)
  test(`${what}: a sentence says so, and nothing is published`, async () => {
    const before = await listed();
    const { status, stderr } = await outcome(spawnCli(['apt', 'publish', root, ...given, ...config]));
    assert.notEqual(status, 0);
    assert.match(stderr, said);
    assert.deepEqual(await listed(), before);
  });

test('a file that is no package, and two of one version: named, and nothing is published', async () => {
  const before = await listed();
  const bad = join(dir, 'bad_1_amd64.deb');
  await writeFile(bad, 'no package');
  const name = `${root}/pool/main/bad_1_amd64.deb`;
  await runCli('put', bad, name, ...config);
  const refused = await outcome(spawnCli(['apt', 'publish', root, '--suite', 'stable', ...config]));
  assert.match(refused.stderr, /debian\/pool\/main\/bad_1_amd64\.deb: dpkg-deb: error/);
  await runCli('rm', name, ...config);
  const other = await makePackage(dir, 'hello', '3.0', { form: 'gzip' });
  await runCli('put', other, `${root}/pool/other/hello.deb`, ...config);
  const twice = await outcome(spawnCli(['apt', 'publish', root, '--suite', 'stable', ...config]));
  assert.match(twice.stderr, /have other bytes, and are both hello 3\.0 amd64/);
  assert.deepEqual(await listed(), before);
});
