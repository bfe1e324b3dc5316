// A repeated import skips files that are already stored, imports changed ones, and completes an interrupted
// import.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { importDirectory } from '../../src/store/import.ts';
import { intoStore } from '../../src/store/store_destination.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';
import { bucketDigests, digestsOf, writeTree } from '../support/tree.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
after(() => site.remove());
const root = join(site.dir, 'store');
const importing = (...args: string[]) => spawnCli(['import', ...args, '--config', site.config]);

/** Bytes that this process has read so far (/proc/self/io, proc(5)). */
async function bytesRead(): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}

test('unchanged files are not read again', async () => {
  const directory = join(site.dir, 'unread');
  const size = 32 * 1024 * 1024;
  await writeTree(directory, { large: Buffer.alloc(size, 'x'), small: 'y' });
  // A file about as new as its stored name may have changed since; these are clearly older.
  const written = Date.now();
  await until(Date.now, (now) => now > written + 2500, 'the clock moves on');
  const store = await openStore({ root });
  const run = async () => {
    const before = await bytesRead();
    const { imported, unchanged } = await intoStore(store, 'files', (to) =>
      importDirectory({ to, directory, prefix: 'unread/' }),
    );
    return { imported, unchanged, read: (await bytesRead()) - before };
  };
  const first = await run();
  const second = await run();
  await store.close();
  assert.deepEqual([first.imported, first.unchanged], [2, 0]);
  assert.ok(first.read >= size);
  assert.deepEqual([second.imported, second.unchanged], [0, 2]);
  assert.ok(second.read < size / 2, `${second.read} bytes were read`);
});

test('a changed file of a write-once bucket is reported, and the rest imported', async () => {
  const tree = join(site.dir, 'once');
  await writeTree(tree, { kept: 'kept', changed: 'first' });
  assert.equal((await outcome(importing(tree, '-p', 'once/'))).status, 0);
  await writeTree(tree, { changed: 'other', new: 'new' });
  const { status, stdout, stderr } = await outcome(importing(tree, '-p', 'once/'));
  assert.equal(status, 1);
  assert.match(stdout, /^1 file imported[^\n]*\n1 file was there already\n$/);
  assert.match(
    stderr,
    /once\/changed: The name holds other bytes[^\n]*\nsealgate: 1 file was not imported; [^\n]*\n$/,
  );
  const { 'once/changed': changed, 'once/new': added } = await bucketDigests(root, 'files');
  assert.deepEqual([changed, added], [sha256('first'), sha256('new')]);
});

test('a changed file of a versioned bucket becomes the newest version', async () => {
  const tree = join(site.dir, 'moving');
  const options = [tree, '--bucket', 'moving', '--kind', 'versioned'];
  await writeTree(tree, { kept: 'kept', changed: 'first' });
  assert.equal((await outcome(importing(...options))).status, 0);
  await writeTree(tree, { changed: 'other' });
  assert.match((await outcome(importing(...options))).stdout, /^1 file imported/);
  assert.deepEqual(await bucketDigests(root, 'moving'), digestsOf({ kept: 'kept', changed: 'other' }));
});

test('a name whose blob is in quarantine is imported again', async () => {
  const tree = join(site.dir, 'healed');
  await writeTree(tree, { file: 'to be damaged' });
  assert.equal((await outcome(importing(tree, '-p', 'healed/'))).status, 0);
  const digest = sha256('to be damaged');
  const blob = blobPath(root, digest);
  await chmod(blob, 0o644);
  await truncate(blob, 1);
  const store = await openStore({ root });
  await assert.rejects(async () => store.prove(digest), { code: 'seal-broken' });
  await store.close();
  assert.equal((await outcome(importing(tree, '-p', 'healed/'))).status, 0);
  assert.equal((await bucketDigests(root, 'files'))['healed/file'], digest);
});

const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${i % 10}/${i}`, `file ${i}`]));

/** Resolves when some names of a bucket exist, but not all. */
async function underWay(bucket: string): Promise<void> {
  const store = await openStore({ root, readOnly: true });
  const names = () =>
    store.bucket(bucket) ? store.list(bucket, { prefix: '', after: '', limit: 1000 }).entries : [];
  await until(names, ({ length }) => length >= 20, 'names appear');
  await store.close();
}

async function interrupted(bucket: string, signal: NodeJS.Signals) {
  await writeTree(join(site.dir, 'many'), many);
  const child: ChildProcess = importing(join(site.dir, 'many'), '--bucket', bucket);
  const ended = outcome(child);
  await underWay(bucket);
  // Not child.kill(): Deno takes a signal that it sent for the one that ended the child.
  process.kill(child.pid ?? 0, signal);
  return ended;
}

async function assertCompletes(bucket: string): Promise<void> {
  const { status, stdout } = await outcome(importing(join(site.dir, 'many'), '--bucket', bucket));
  assert.equal(status, 0, stdout);
  const [, imported = 0, unchanged = 0] =
    /^(\d+) files imported[^\n]*\n(\d+) files were there already/.exec(stdout) ?? [];
  assert.ok(Number(unchanged) >= 20);
  assert.equal(Number(imported) + Number(unchanged), 3000);
  assert.deepEqual(await bucketDigests(root, bucket), digestsOf(many));
  assert.deepEqual(await readdir(join(root, 'staging')), []);
}

test('SIGINT finishes the current files and says how to continue', async () => {
  const { status, stdout, stderr } = await interrupted('interrupted', 'SIGINT');
  assert.equal(status, 130);
  assert.match(stdout, /^\d+ files imported/);
  // A slow machine has time for lines of progress.
  const said = stderr.replaceAll(/^\d+ of \d+ files[^\n]*\n/gm, '');
  assert.match(
    said,
    /^sealgate: ending once [^\n]*\nsealgate: interrupted; run the same command again[^\n]*\n$/,
  );
  assert.deepEqual(await readdir(join(root, 'staging')), []);
  await assertCompletes('interrupted');
});

test('an import that was killed is completed by the next one', async () => {
  await interrupted('killed', 'SIGKILL');
  await assertCompletes('killed');
});

test('a file that is being written is reported, and imported when it is finished', async () => {
  const tree = join(site.dir, 'busy');
  await writeTree(tree, { busy: Buffer.alloc(32 * 1024 * 1024, 'x'), calm: 'calm' });
  const writer = spawn('sh', ['-c', 'while :; do printf x >> "$1"; done', 'sh', join(tree, 'busy')]);
  const { status, stderr } = await outcome(importing(tree, '-p', 'busy/')).finally(() =>
    writer.kill('SIGKILL'),
  );
  await outcome(writer).catch(() => {});
  assert.equal(status, 1);
  assert.match(stderr, /busy\/busy: [^\n]*changed while it was [^\n]*\nsealgate: 1 file was not imported/);
  const before = await bucketDigests(root, 'files');
  assert.deepEqual([before['busy/busy'], before['busy/calm']], [undefined, sha256('calm')]);

  assert.equal((await outcome(importing(tree, '-p', 'busy/'))).status, 0);
  assert.equal((await bucketDigests(root, 'files'))['busy/busy'], sha256(await readFile(join(tree, 'busy'))));
});

test('a file that changed right after its import, keeping its size, is imported again', async () => {
  const tree = join(site.dir, 'quick');
  await writeTree(tree, { quick: 'one' });
  const store = await openStore({ root });
  await store.createBucket('quick', 'versioned');
  const run = () => intoStore(store, 'quick', (to) => importDirectory({ to, directory: tree, prefix: '' }));
  await run();
  await writeFile(join(tree, 'quick'), 'two');
  const { imported } = await run();
  await store.close();
  assert.equal(imported, 1);
  assert.deepEqual(await bucketDigests(root, 'quick'), digestsOf({ quick: 'two' }));
});
