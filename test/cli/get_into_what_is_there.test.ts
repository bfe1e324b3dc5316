// get -o replaces regular files only: it writes into pipes and devices, and follows links.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { lstat, readdir, readFile, readlink, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const site = await createSite();
after(() => site.remove());
await writeTree(join(site.dir, 'tree'), { a: 'object' });
await runCli('import', join(site.dir, 'tree'), '--config', site.config);
const folder = join(site.dir, 'out');
await writeTree(folder, { old: 'old', 'real/file': 'old' });
const at = (name: string) => join(folder, name);
const get = (output: string) => outcome(spawnCli(['get', 'files/a', '-o', output, '--config', site.config]));
const content = (name: string) => readFile(at(name), 'utf8');

/** Seconds for which a reader waits for a writer; a loaded machine takes some to start one. */
const patience = '60';

test('a new name and a regular file get the object, and nothing else is left', async () => {
  for (const name of ['new', 'old']) {
    const { status, stderr } = await get(at(name));
    assert.deepEqual([status, stderr, await content(name)], [0, '', 'object']);
  }
  assert.deepEqual((await readdir(folder)).sort(), ['new', 'old', 'real']);
});

test('a FIFO is written to and stays a FIFO', async () => {
  const fifo = at('fifo');
  execFileSync('mkfifo', ['-m', '600', fifo]);
  const reading = outcome(spawn('timeout', [patience, 'cat', fifo]));
  const { status, stderr } = await get(fifo);
  assert.deepEqual([status, stderr], [0, '']);
  assert.ok((await lstat(fifo)).isFIFO());
  assert.equal((await reading).stdout, 'object');
});

test('a link stays, and the file that it points at gets the object', async () => {
  for (const [link, to] of [
    ['link', 'real/file'],
    ['dangling', 'real/new'],
  ] as const) {
    await symlink(to, at(link));
    const { status, stderr } = await get(at(link));
    assert.deepEqual([status, stderr, await readlink(at(link))], [0, '', to]);
    assert.equal(await content(to), 'object');
  }
  assert.deepEqual((await readdir(at('real'))).sort(), ['file', 'new']);
});

test('a socket stays, and the error names it', async () => {
  const socket = at('socket');
  const server = createServer().listen(socket);
  const { status, stderr } = await get(socket);
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: \S+\/out\/socket: cannot be written: [^\n]+\n$/);
  assert.ok((await lstat(socket)).isSocket());
  server.close();
});

test('a folder and a path below a file are errors that name the path', async () => {
  for (const [name, fault] of [
    ['real', 'is a directory'],
    ['old/below', 'a part of the path is no directory'],
    ['nowhere/x', 'does not exist'],
  ] as const) {
    const { status, stderr } = await get(at(name));
    assert.deepEqual([status, stderr], [1, `sealgate: ${at(name)}: cannot be written: ${fault}\n`]);
  }
});
