// init creates everything that a first serve needs, with secrets readable only by the owner, and overwrites
// nothing.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));
const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

test('an empty folder gets a configuration, a store, a certificate and a token', async () => {
  const site = join(dir, 'new', 'site');
  const said = await runCli('init', site);
  const files = ['.tokens.json.lock', 'sealgate.json', 'sealgate.schema.json', 'store', 'tls', 'tokens.json'];
  assert.deepEqual((await readdir(site)).sort(), files);
  assert.equal(await mode(join(site, 'tokens.json')), '600');
  assert.equal(await mode(join(site, 'tls', 'key.pem')), '600');
  const token = /^ {2}(sgt_[\w-]{43})$/m.exec(said)?.[1];
  assert.ok(token !== undefined);
  assert.ok(!(await readFile(join(site, 'tokens.json'), 'utf8')).includes(token));
  assert.match(said, /^ {2}sealgate serve --config \S+sealgate\.json$/m);

  const config = ['--config', join(site, 'sealgate.json')];
  assert.equal(await runCli('config', 'check', ...config), 'the configuration is good\n');
  assert.equal(await runCli('bucket', 'list', ...config), 'write-once  files\n');
  assert.match(
    await runCli('token', 'list', ...config),
    /^[0-9a-f]{8} {2}\S+ {2}never expires {2}read:\* write:\* {2}\(made by init\)\n$/,
  );
});

test('an existing site is kept, and its files are listed as kept', async () => {
  const site = join(dir, 'twice');
  await runCli('init', site);
  const contents = () =>
    Promise.all(
      ['sealgate.json', 'tokens.json', 'tls/key.pem', 'tls/certificate.pem'].map((name) =>
        readFile(join(site, name), 'utf8'),
      ),
    );
  const before = await contents();
  const said = await runCli('init', site);
  assert.deepEqual(await contents(), before);
  assert.match(said, /^\S+sealgate\.json was there already\.\n\nKept as it was:\n/);
  for (const name of ['tls/key.pem', 'tls/certificate.pem', 'store', 'tokens.json'])
    assert.ok(said.includes(`  ${join(site, name)}\n`), name);
  assert.doesNotMatch(said, /sgt_/);
  assert.match(said, /^ {2}sealgate token add /m);
});

// Each part is removed in turn, as an interrupted run may have left it.
for (const missing of ['sealgate.json', 'store', 'tokens.json', 'tls']) {
  test(`a site without its ${missing} is completed, and the rest is kept`, async () => {
    const site = join(dir, `without-${missing.replace('/', '-')}`);
    await runCli('init', site);
    await rm(join(site, missing), { recursive: true });
    const key = missing === 'tls' ? undefined : await readFile(join(site, 'tls/key.pem'), 'utf8');
    const said = await runCli('init', site);
    assert.equal(/sgt_/.test(said), missing === 'tokens.json');
    if (key !== undefined) assert.equal(await readFile(join(site, 'tls/key.pem'), 'utf8'), key);
    const config = ['--config', join(site, 'sealgate.json')];
    assert.equal(await runCli('config', 'check', ...config), 'the configuration is good\n');
    assert.match(await runCli('bucket', 'ls', ...config), /files/);
  });
}

test('the paths of an existing configuration are used', async () => {
  const site = join(dir, 'elsewhere');
  await mkdir(site);
  await writeFile(
    join(site, 'sealgate.json'),
    JSON.stringify({ store: './other', auth: { tokens: './t.json' } }),
  );
  await runCli('init', site);
  const made = await readdir(site);
  assert.ok(made.includes('other') && made.includes('t.json') && !made.includes('store'), made.join());
});

for (const [there, missing, other] of [
  ['key.pem', 'certificate.pem', 'its certificate'],
  ['certificate.pem', 'key.pem', 'its key'],
] as const) {
  test(`a ${there} without its ${missing}: the missing file is named, and nothing is made`, async () => {
    const site = join(dir, `with-${there}`);
    await mkdir(join(site, 'tls'), { recursive: true });
    const [present, absent] = [join(site, 'tls', there), join(site, 'tls', missing)];
    await writeFile(present, 'precious');
    const { status, stdout, stderr } = await outcome(spawnCli(['init', site]));
    assert.deepEqual([status, stdout], [1, '']);
    assert.equal(
      stderr,
      `sealgate: ${absent}: is missing, and ${present} is there; put ${other} there, or move ${present} ` +
        'away to have a new pair made, or use --no-certificate\n',
    );
    assert.deepEqual([await readdir(site), await readdir(join(site, 'tls'))], [['tls'], [there]]);
    assert.equal(await readFile(present, 'utf8'), 'precious');
    assert.match(await runCli('init', '--no-certificate', site), /sealgate\.json made\./);
    assert.deepEqual(await readdir(join(site, 'tls')), [there]);
  });
}

test('a pair whose making was killed between its two files is completed', async () => {
  const site = join(dir, 'killed');
  await runCli('init', site);
  const [certificate, key] = [join(site, 'tls/certificate.pem'), join(site, 'tls/key.pem')];
  const made = [await readFile(certificate, 'utf8'), await readFile(key, 'utf8')];
  await rename(certificate, `${certificate}.new`);
  await runCli('init', site);
  assert.deepEqual([await readFile(certificate, 'utf8'), await readFile(key, 'utf8')], made);
  assert.deepEqual((await readdir(join(site, 'tls'))).sort(), ['certificate.pem', 'key.pem']);
});

test('a file in place of the directory is an error that names it', async () => {
  await writeFile(join(dir, 'a-file'), '');
  const { status, stderr } = await outcome(spawnCli(['init', join(dir, 'a-file')]));
  assert.equal(status, 2);
  assert.match(stderr, /^sealgate: \S+a-file: a file is in the way of the directory\n/);
});

test('--no-certificate: no certificate is created', async () => {
  const site = join(dir, 'bare');
  await runCli('init', '--no-certificate', site);
  assert.deepEqual(await readdir(join(site, 'tls')), []);
});
