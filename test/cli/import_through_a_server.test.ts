// Import through the server that has the store open, or through the one that --server names: the same names
// and digests as into a store, and it can be resumed.

import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});
const tokenFile = join(site.dir, 'token');
await writeFile(tokenFile, `${site.token}\n`, { mode: 0o600 });
const at = ['--config', site.config];
const cli = (...args: string[]) => runCli(...args, ...at, '--token-file', tokenFile);
const tree = join(site.dir, 'tree');

test('the first import sends the tree, the second sends nothing', async () => {
  await mkdir(join(tree, 'below'), { recursive: true });
  await writeFile(join(tree, 'a.txt'), 'a');
  await writeFile(join(tree, 'below', 'ümlaut #?.bin'), Buffer.alloc(300_000, 'b'));
  await writeFile(join(tree, 'empty'), '');
  const importing = () => cli('import', tree, '--bucket', 'made-by-import', '--prefix', 'v1/');
  assert.match(await importing(), /^3 files imported, 293\.0 KiB /);
  const names = (await cli('ls', 'made-by-import')).trimEnd().split('\n');
  assert.deepEqual(
    names.map((line) => line.replace(/^.*[0-9a-f]{12} {2}/, '')),
    ['v1/a.txt', 'v1/below/ümlaut #?.bin', 'v1/empty'],
  );
  assert.match(await importing(), /^0 files imported[^\n]*\n3 files were there already\n$/);
  assert.equal(await cli('get', 'made-by-import/v1/a.txt'), 'a');
});

test('files with the same digest on the server are not sent, deleted and new ones are', async () => {
  const uploads = await server.metric('sealgate_uploads_total');
  await writeFile(join(tree, 'new'), 'new');
  await cli('rm', 'made-by-import/v1/a.txt');
  const { status, stdout } = await outcome(
    spawnCli([
      'import',
      tree,
      '--bucket',
      'made-by-import',
      '--prefix',
      'v1/',
      ...at,
      '--token-file',
      tokenFile,
    ]),
  );
  assert.equal(status, 0);
  assert.match(stdout, /^2 files imported[^\n]*\n2 files were there already\n$/);
  assert.equal((await server.metric('sealgate_uploads_total')) - uploads, 2);
});

test('other bytes under a write-once name fail, and all other files are imported', async () => {
  await writeFile(join(tree, 'new'), 'other bytes');
  await writeFile(join(tree, 'newer'), 'newer');
  const args = ['import', tree, '--bucket', 'made-by-import', '--prefix', 'v1/', ...at];
  const { status, stdout, stderr } = await outcome(spawnCli([...args, '--token-file', tokenFile]));
  assert.equal(status, 1);
  assert.match(stdout, /^1 file imported/);
  assert.match(stderr, /^sealgate: \S+\/new: [^\n]*write-once[^\n]*\nsealgate: 1 file was not imported;/m);
});

test('a private key is not sent', async () => {
  const secret = join(site.dir, 'with-a-key');
  await mkdir(secret, { recursive: true });
  const key = await readFile(join(site.dir, 'tls', 'key.pem'));
  await writeFile(join(secret, 'innocent.txt'), key);
  const { status } = await outcome(spawnCli(['import', secret, ...at, '--token-file', tokenFile]));
  assert.equal(status, 1);
  assert.equal((await server.curl('/o/files/innocent.txt')).status, 404);
});

test('no token, or an unknown one: the import stops without retries', async () => {
  await rm(join(site.dir, 'with-a-key'), { recursive: true });
  const wrong = join(site.dir, 'wrong');
  await writeFile(wrong, 'sgt_nobody');
  for (const more of [[], ['--token-file', wrong]]) {
    const { status, stdout, stderr } = await outcome(spawnCli(['import', tree, ...at, ...more]));
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^sealgate: https:\S+ [^\n]* token [^\n]*--token-file or \$SEALGATE_TOKEN[^\n]*\n$/);
  }
});

test('an import that the server refuses makes no bucket', async () => {
  const [wrong, reader] = ['wrong', 'reader'].map((name) => join(site.dir, name)) as [string, string];
  await writeFile(wrong, 'sgt_nobody');
  await runCli('token', 'add', 'read:*', '--output', reader, ...at);
  const kinds = [[], ['--kind', 'versioned']];
  for (const [token, status] of [
    [[], 401],
    [['--token-file', wrong], 401],
    [['--token-file', reader], 403],
  ] as const) {
    for (const kind of kinds) {
      const importing = spawnCli(['import', tree, '--bucket', 'refused', ...kind, ...at, ...token]);
      const { stdout, stderr, ...ended } = await outcome(importing);
      assert.deepEqual([ended.status, stdout], [1, '']);
      assert.match(stderr, new RegExp(`\\(${status}\\)\n$`));
    }
  }
  assert.doesNotMatch(await runCli('bucket', 'ls', ...at), /refused/);
  assert.match(await cli('import', tree, '--bucket', 'refused', '--kind', 'versioned'), /^5 files imported/);
});

test('--dry-run lists what would be sent, and sends nothing', async () => {
  const stdout = await cli('import', tree, '--prefix', 'dry/', '--dry-run');
  assert.match(stdout, /^ +1 B {2}text\/plain +dry\/a\.txt$/m);
  assert.equal(await runCli('ls', 'files/dry', ...at), '');
});

test('--server without --control creates no bucket, and says what to do', async () => {
  const args = [
    'import',
    tree,
    '--bucket',
    'nobody',
    '--server',
    server.url,
    ...at,
    '--token-file',
    tokenFile,
  ];
  const { status, stderr } = await outcome(spawnCli(args));
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: nobody: buckets are made by the control plane, which --control names; /);
  assert.match(
    await cli('import', tree, '--bucket', 'named', '--server', server.url, '--control', server.control ?? ''),
    /^5 files imported/,
  );
});
