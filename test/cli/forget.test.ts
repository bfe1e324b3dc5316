// forget: the blob disappears from the disk, from the workers' caches and from every name, with and without a
// running server.

import assert from 'node:assert/strict';
import { access, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
let server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});
const secret = Buffer.alloc(100_000, 'a secret that nobody should have imported ');
const digest = sha256(secret);
const [file, blob] = [join(site.dir, 'secret'), blobPath(join(site.dir, 'store'), digest)];
await writeFile(file, secret);
const forget = (...args: string[]) => runCli('forget', ...args, '--config', site.config);

async function openFilesOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await readdir(folder);
  return Promise.all(links.map((link) => readlink(join(folder, link)).catch(() => '')));
}

test('with a running server: names and digest answer 410, and no worker keeps the file open', async () => {
  await server.put('/o/files/one', file);
  await server.put('/o/files/two', file);
  for (let i = 0; i < 8; i++) assert.equal((await server.curl('/o/files/one')).status, 200);
  const held = async () => (await openFilesOf(server.pid)).filter((path) => path.includes(digest)).length;
  assert.ok((await held()) > 0);
  assert.equal(await forget('files/one', '--why', 'it was secret'), `sha256:${digest} forgotten\n`);
  for (const path of ['/o/files/one', '/o/files/two', `/sha256/${digest}`]) {
    const { status, body } = await server.curl(path);
    assert.equal(status, 410, path);
    assert.equal(JSON.parse(body.toString()).title, 'content-forgotten');
  }
  await assert.rejects(access(blob), { code: 'ENOENT' });
  await until(held, (count) => count === 0, 'the workers closed it');
});

test('the audit log names the author and the reason', async () => {
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  const last = JSON.parse(audit.trimEnd().split('\n').at(-1) ?? '');
  const { at, ...entry } = last;
  assert.deepEqual(entry, { who: 'loopback', action: 'forget', why: 'it was secret', digest });
});

test('the same bytes can be stored again, and all their names work again', async () => {
  assert.ok([200, 201].includes((await server.put('/o/files/one', file)).status));
  for (const path of ['/o/files/one', '/o/files/two', `/sha256/${digest}`]) {
    const { status, body } = await server.curl(path);
    assert.equal(status, 200, path);
    assert.ok(body.equals(secret));
  }
});

test('quarantine unreadable by the server: reported, logged, and names answer 410', async () => {
  const quarantine = join(site.dir, 'store/quarantine');
  await rename(quarantine, `${quarantine}.away`);
  await writeFile(quarantine, 'no folder');
  for (let i = 0; i < 8; i++) assert.equal((await server.curl('/o/files/one')).status, 200);
  const args = ['forget', digest, '--why', 'again', '--config', site.config];
  const { status, stderr } = await outcome(spawnCli(args));
  await rm(quarantine);
  await rename(`${quarantine}.away`, quarantine);
  assert.equal(status, 1);
  assert.match(stderr, /is to be forgotten/);
  assert.match(server.log(), /"level":50.*a change failed/);
  for (let i = 0; i < 8; i++) assert.equal((await server.curl('/o/files/one')).status, 410);
  await forget(digest, '--why', 'again');
  await server.put('/o/files/one', file);
});

test('without a server: the blob stays forgotten after the next start', async () => {
  await server.stop();
  await forget(`sha256:${digest}`, '--why', 'by request');
  await assert.rejects(access(blob), { code: 'ENOENT' });
  for (const command of ['get', 'stat']) {
    for (const ref of ['files/two', `sha256:${digest}`]) {
      const { status, stderr } = await outcome(spawnCli([command, ref, '--config', site.config]));
      assert.equal(status, 1);
      assert.ok(stderr.startsWith(`sealgate: ${ref}: its content was forgotten (by request)`), stderr);
    }
  }
  assert.match(
    await runCli('why', 'files/two', '--config', site.config),
    /^sha256:\S+ forgotten: by request$/m,
  );
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  assert.match(audit, /"who":"command line: [^"]+","action":"forget","why":"by request"/);
  server = await TestServer.start(site, '--workers', '1');
  assert.equal((await server.curl('/o/files/two')).status, 410);
});

const refused: [string[], number, RegExp][] = [
  [['0'.repeat(64), '--why', 'x'], 1, /there is no blob 0{64}/i],
  [['sha256:abc', '--why', 'x'], 2, /64 lower-case hex digits/],
  [['files/nothing', '--why', 'x'], 1, /there is nothing under this name/],
  [[digest], 2, /required option '--why <text>' not specified/],
  [[digest, '--why', ''], 2, /--why: expected 1 to 500 characters/],
];
for (const [args, expected, said] of refused) {
  test(`forget ${args.join(' ').slice(0, 30)}: status ${expected}`, async () => {
    const { status, stderr } = await outcome(spawnCli(['forget', ...args, '--config', site.config]));
    assert.equal(status, expected, stderr);
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
}
