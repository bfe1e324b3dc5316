// What a store consists of beside blobs and metadata: who may see it, who holds it, and what is left of it by
// a power cut or by somebody who tidied up.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.put('files', 'kept', 'kept bytes');

const cli = (...args: string[]) => outcome(spawnCli([...args, '--store', site.root]));

test('a store is open to its owner alone, and one that is not is closed to others', async () => {
  assert.equal((await stat(site.root)).mode & 0o777, 0o700);
  await chmod(site.root, 0o755);
  await site.reopen();
  assert.equal((await stat(site.root)).mode & 0o777, 0o700);
});

test('a second process is refused although the lock file was removed', async () => {
  await rm(join(site.root, 'lock'));
  const { status, stderr } = await cli('bucket', 'create', 'other');
  assert.equal(status, 1);
  assert.match(stderr, /has this store open for writing/);
  assert.equal(site.store.bucket('other'), undefined);
});

test('an empty format file, as a power cut may leave it, is written anew', async () => {
  const format = join(site.root, 'format');
  await writeFile(format, '');
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.equal(reader.resolve('files', 'kept')?.deleted, false);
  await reader.close();
  await site.reopen();
  assert.equal(await readFile(format, 'utf8'), 'sealgate store 2\n');
  assert.equal(site.store.resolve('files', 'kept')?.deleted, false);
});

test('another format is refused, with what was found', async () => {
  const format = join(site.root, 'format');
  await site.store.close();
  await writeFile(format, 'sealgate store 9\n');
  await assert.rejects(openStore({ root: site.root }), /found "sealgate store 9"/);
  await writeFile(format, 'sealgate store 2\n');
  site.store = await openStore({ root: site.root });
});

test('a lock file of LMDB that cannot be opened is a sentence, not a crash', async () => {
  await site.store.close();
  const lock = join(site.root, 'meta/lock.mdb');
  await rename(lock, `${lock}.kept`);
  await mkdir(lock);
  for (const args of [
    ['ls', 'files'],
    ['bucket', 'create', 'other'],
  ]) {
    const { status, stderr } = await cli(...args);
    assert.equal(status, 1);
    assert.match(stderr, /^sealgate: [^\n]*meta\/lock\.mdb: cannot be opened [^\n]*EISDIR[^\n]*\n$/);
  }
  await rmdir(lock);
  await rename(`${lock}.kept`, lock);
  site.store = await openStore({ root: site.root });
});

test('a reader of a store without metadata is told, and makes nothing', async () => {
  await site.store.close();
  const meta = join(site.root, 'meta');
  await rename(meta, `${meta}.kept`);
  const readOnly = { root: site.root, readOnly: true };
  await assert.rejects(
    openStore(readOnly),
    /meta\/data\.mdb: the metadata are missing; .*'sealgate rebuild'/,
  );
  await mkdir(meta);
  await assert.rejects(
    openStore(readOnly),
    /meta\/data\.mdb: the metadata are missing; .*'sealgate rebuild'/,
  );
  assert.deepEqual(await readdir(meta), []);
  await rmdir(meta);
  await rename(`${meta}.kept`, meta);
  site.store = await openStore({ root: site.root });
});

test('a refused writer leaves the mode of a store as it is', async () => {
  await chmod(site.root, 0o750);
  for (const args of [['bucket', 'create', 'other'], ['rebuild']]) {
    const { status, stderr } = await cli(...args);
    assert.equal(status, 1);
    assert.match(stderr, /has this store open for writing/);
  }
  assert.equal((await stat(site.root)).mode & 0o777, 0o750);
  await chmod(site.root, 0o700);
});

test('a store in folders that are not there is made with them', async () => {
  const root = join(site.dir, 'above', 'and above', 'store');
  await (await openStore({ root })).close();
  assert.equal((await stat(root)).mode & 0o777, 0o700);
});

/** Runs a command with a flock(2) that fails in a way, as those of some file systems do. */
async function cliWithFlock(body: string, ...args: string[]) {
  const source = join(site.dir, 'flock.c');
  const head = '#include <errno.h>\n#include <sys/stat.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n';
  await writeFile(source, `${head}int flock(int fd, int how) { struct stat s; fstat(fd, &s); ${body} }`);
  const shim = join(site.dir, 'flock.so');
  execFileSync('cc', ['-shared', '-fPIC', '-o', shim, source]);
  return outcome(spawnCli([...args, '--store', site.root], { env: { ...process.env, LD_PRELOAD: shim } }));
}
const onlyFiles =
  'if (S_ISDIR(s.st_mode)) { errno = EBADF; return -1; } return (int)syscall(SYS_flock, fd, how);';

test('a file system that locks only what is open for writing, as NFS: the lock file is enough', async () => {
  const held = await cliWithFlock(onlyFiles, 'bucket', 'create', 'other');
  assert.equal(held.status, 1);
  assert.match(held.stderr, /has this store open for writing/);
  await site.store.close();
  const { status, stderr } = await cliWithFlock(onlyFiles, 'bucket', 'create', 'on-nfs');
  assert.equal(status, 0, stderr);
  site.store = await openStore({ root: site.root });
  assert.ok(site.store.bucket('on-nfs'));
});

test('a file system without locks: a sentence with path and cause', async () => {
  await site.store.close();
  const { status, stderr } = await cliWithFlock('errno = ENOLCK; return -1;', 'bucket', 'create', 'other');
  assert.equal(status, 1);
  assert.match(
    stderr,
    new RegExp(`^sealgate: ${site.root}: cannot be locked \\(flock: No locks available\\)`),
  );
  site.store = await openStore({ root: site.root });
});
