// verify lists each kind of fault of a blob with a remedy, with and without a running server, and changes
// nothing; --restore takes intact blobs back from quarantine.

import assert from 'node:assert/strict';
import { access, chmod, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { blobPath, putBytes, sha256 } from '../support/store.ts';

const site = await createSite();
after(() => site.remove());
const root = join(site.dir, 'store');
const verify = (...args: string[]) => outcome(spawnCli(['verify', ...args, '--config', site.config]));
const path = (bytes: string) => blobPath(root, sha256(bytes));

async function withStore(work: (store: Awaited<ReturnType<typeof openStore>>) => Promise<unknown>) {
  const store = await openStore({ root });
  await work(store).finally(() => store.close());
}

await withStore(async (store) => {
  for (const bytes of ['right', 'loose', 'damaged', 'missing', 'fifo', 'withdrawn', 'forgotten'])
    await putBytes(store, 'files', bytes, bytes);
});

test('no faults: status 0, also with a running server', async () => {
  assert.deepEqual(await verify(), { status: 0, stdout: '7 blobs verified, all right\n', stderr: '' });
  const server = await TestServer.start(site, '--workers', '1');
  const { status, stdout, stderr } = await verify();
  assert.deepEqual([status, stdout], [0, '7 blobs verified, all right\n']);
  assert.match(stderr, /a server may have this store open: it is read, and nothing is changed/);
  assert.equal(await server.stop(), 0);
});

test('each fault is listed with a remedy: status 4, and no file is changed', async () => {
  await withStore(async (store) => {
    await store.quarantine(sha256('withdrawn'), 'content');
    await store.forget(sha256('forgotten'), 'why');
  });
  await chmod(path('loose'), 0o644);
  await chmod(path('damaged'), 0o644);
  await writeFile(path('damaged'), 'DAMAGED');
  await chmod(path('damaged'), 0o444);
  await rm(path('missing'));
  await rm(path('fifo'));
  await mkdir(path('fifo'));
  await mkdir(dirname(path('unrecorded')), { recursive: true });
  await writeFile(path('unrecorded'), 'unrecorded');
  const foreign = join(root, 'blobs/sha256/README');
  await writeFile(foreign, 'foreign');
  const before = await stat(path('loose'));
  const { status, stdout } = await verify();
  assert.equal(status, 4);
  const found = stdout.split('\n').map((line) =>
    line
      .split(/[:;] ?/)
      .slice(0, 2)
      .join(':'),
  );
  const expected: [string, string][] = [
    ['damaged', 'damaged'],
    ['missing', 'missing'],
    ['damaged', 'fifo'],
    ['withdrawn', 'withdrawn'],
    ['unrecorded', 'unrecorded'],
    ['wrong-mode', 'loose'],
  ];
  const lines = expected.map(([state, bytes]) => `${state} sha256:${sha256(bytes)}`);
  lines.push(`foreign ${foreign}:it is not the store’s`);
  assert.deepEqual(found.slice(0, -2).sort(), lines.sort());
  assert.match(stdout, /5 blobs verified, 7 faults, 1 file in quarantine\n$/);
  assert.match(stdout, new RegExp(`it has SHA-256 ${sha256('DAMAGED')}; store the same bytes again`));
  const now = await stat(path('loose'));
  assert.deepEqual([now.mode, now.ctimeMs], [before.mode, before.ctimeMs]);
  await access(path('damaged'));
});

test('only given digests are checked; --json prints each fault and a summary', async () => {
  const [right, damaged] = [sha256('right'), sha256('damaged')];
  assert.equal((await verify(right)).status, 0);
  const { status, stdout } = await verify('--json', right, `sha256:${damaged}`, '0'.repeat(64));
  assert.equal(status, 4);
  const [first, second, summary] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([first.digest, first.state], [damaged, 'damaged']);
  assert.deepEqual([second.digest, second.state], ['0'.repeat(64), 'unknown']);
  const quarantine = { files: 1, bytes: 9 };
  assert.deepEqual(summary, { blobs: 2, bytes: 12, faults: 2, quarantine });
});

test('an invalid digest: status 2', async () => {
  const { status, stderr } = await verify('sha256:abc');
  assert.equal(status, 2);
  assert.match(stderr, /64 lower-case hex digits/);
});

test('a forgotten blob whose file still exists is listed', async () => {
  await mkdir(dirname(path('forgotten')), { recursive: true });
  await writeFile(path('forgotten'), 'forgotten');
  const { status, stdout } = await verify(sha256('forgotten'));
  assert.equal(status, 4);
  assert.match(stdout, /^not-forgotten .* run 'sealgate forget' again/);
});

test('only what keeps no content from clients: status 0, and it is listed', async () => {
  const other = await createSite();
  const folder = join(other.dir, 'store/blobs/sha256');
  await mkdir(folder, { recursive: true });
  await outcome(spawnCli(['bucket', 'create', 'any', '--config', other.config]));
  await writeFile(join(folder, 'README'), 'foreign');
  const { status, stdout } = await outcome(spawnCli(['verify', '--config', other.config]));
  assert.deepEqual([status, stdout.split(' ')[0]], [0, 'foreign']);
  await other.remove();
});

test('--restore with a running server: refused with a remedy', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  const { status, stderr } = await verify('--restore');
  assert.equal(status, 1);
  assert.match(stderr, /process \d+ has this store open for writing; to restore, stop the server/);
  await server.stop();
});

test('--restore: intact blobs are served again, damaged and forgotten ones are not', async () => {
  await withStore((store) => store.quarantine(sha256('damaged'), 'content'));
  const { status, stdout } = await verify('--restore');
  assert.equal(status, 4);
  assert.match(stdout, new RegExp(`^restored sha256:${sha256('withdrawn')}: it is served again$`, 'm'));
  assert.match(stdout, new RegExp(`^no-right-file sha256:${sha256('damaged')}: `, 'm'));
  assert.match(stdout, /1 blobs restored, 1 not\n$/);
  const forgotten = await verify('--restore', sha256('forgotten'));
  assert.deepEqual([forgotten.status, forgotten.stdout.split(' ')[0]], [4, 'forgotten']);
  assert.equal((await verify(sha256('withdrawn'))).status, 0);
  const server = await TestServer.start(site, '--workers', '1');
  const { status: answered, body } = await server.curl('/o/files/withdrawn');
  assert.deepEqual([answered, body.toString()], [200, 'withdrawn']);
  await server.stop();
});

test('--restore: an intact file in quarantine replaces a damaged one, which is kept', async () => {
  const digest = sha256('withdrawn');
  await withStore((store) => store.quarantine(digest, 'content'));
  await writeFile(path('withdrawn'), 'WITHDRAWN');
  assert.equal((await verify('--restore', digest)).status, 0);
  const kept = (await readdir(join(root, 'quarantine'))).filter((name) => name.startsWith(digest));
  assert.equal(kept.length, 1);
  await withStore(async (store) => assert.equal((await store.prove(digest)).level, 'L1'));
});

test('--restore: an intact file in blobs/ is recorded again, in the journal too', async () => {
  const digest = sha256('withdrawn');
  await withStore((store) => store.quarantine(digest, 'content'));
  const [kept = assert.fail()] = (await readdir(join(root, 'quarantine'))).filter((name) =>
    name.startsWith(digest),
  );
  const right = (await readdir(join(root, 'quarantine'))).filter((name) => name.startsWith(digest)).at(-1);
  await rename(join(root, 'quarantine', right ?? kept), path('withdrawn'));
  assert.equal((await verify('--restore', digest)).status, 0);
  assert.equal((await outcome(spawnCli(['rebuild', '--config', site.config]))).status, 0);
  await withStore(async (store) => assert.equal((await store.prove(digest)).level, 'L1'));
});
