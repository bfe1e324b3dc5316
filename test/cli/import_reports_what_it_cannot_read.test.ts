// Files that cannot be read, or whose names are invalid, are each reported with their path; all others are
// imported.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cliCommand, outcome, root as projectRoot, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { bucketDigests, writeTree } from '../support/tree.ts';

const site = await createSite();
after(() => site.remove());
const root = join(site.dir, 'store');

/** Starts the command without the capabilities (capabilities(7)) that let root read everything. */
function spawnBound(args: string[]): ChildProcess {
  if (process.getuid?.() !== 0) return spawnCli(args);
  const without = '-dac_override,-dac_read_search';
  const [program, rest] = cliCommand(args);
  return spawn('setpriv', [`--bounding-set=${without}`, `--inh-caps=${without}`, program, ...rest], {
    cwd: projectRoot,
  });
}

test('unreadable files and folders, and invalid names, are reported', async () => {
  const tree = join(site.dir, 'tree');
  await writeTree(tree, {
    good: 'good',
    'open/good': 'good',
    'locked/hidden': 'x',
    secret: 'x',
    'back\\slash': 'x',
  });
  await chmod(join(tree, 'secret'), 0o000);
  await chmod(join(tree, 'locked'), 0o000);
  const latin1 = `cd "$1" && printf x > "$(printf 'caf\\351')" && mkdir "$(printf 'caf\\351-folder')"`;
  execFileSync('sh', ['-c', latin1, 'sh', tree]);
  await writeFile(join(tree, 'x'.repeat(200)), 'long');
  const prefix = `${'p'.repeat(900)}/`;

  const { status, stdout, stderr } = await outcome(spawnBound(['import', tree, '--config', site.config]));
  await chmod(join(tree, 'locked'), 0o700);
  assert.equal(status, 1);
  assert.match(stdout, /^3 files imported/);
  assert.match(stderr, /^sealgate: \S+\/secret: [^\n]*Permission denied$/m);
  assert.match(stderr, /^sealgate: \S+\/locked: [^\n]*permission denied/m);
  assert.match(
    stderr,
    /^sealgate: \S+\/back\\slash: An object name has no control character and no backslash\.$/m,
  );
  assert.match(stderr, /^sealgate: \S+\/caf\ufffd: its name is not UTF-8$/m);
  assert.match(stderr, /^sealgate: \S+\/caf\ufffd-folder: its name is not UTF-8$/m);
  assert.match(stderr, /^sealgate: 5 files were not imported; run the same command again [^\n]*$/m);
  assert.deepEqual(Object.keys(await bucketDigests(root, 'files')), ['good', 'open/good', 'x'.repeat(200)]);

  const long = await outcome(spawnBound(['import', tree, '--prefix', prefix, '--config', site.config]));
  assert.match(long.stderr, /x{200}: An object name has 1 to 1024 bytes of UTF-8\.$/m);
});

test('many failures: the first are shown, all are counted', async () => {
  const tree = join(site.dir, 'many');
  await writeTree(tree, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`no\\name ${i}`, 'x'])));
  const { status, stderr } = await outcome(spawnBound(['import', tree, '--config', site.config]));
  assert.equal(status, 1);
  assert.equal(stderr.match(/An object name has no control/g)?.length, 20);
  assert.match(stderr, /^sealgate: and 30 more\nsealgate: 50 files were not imported/m);
});
