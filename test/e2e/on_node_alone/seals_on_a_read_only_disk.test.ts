// A file system that is read-only for everybody keeps blobs at L2. A mount that is read-only does not: others
// may write through another mount of the same file system. Tried in a mount namespace of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { after, test } from 'node:test';
import { cliCommand, outcome, root } from '../../support/runtime.ts';
import { temporaryFolder } from '../../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true, force: true }));

const sealgate = (...args: string[]) => {
  const [program, before] = cliCommand(args);
  return [program, ...before].map((each) => `'${each}'`).join(' ');
};
const stat = (store: string) => sealgate('stat', '--json', 'files/name', '--store', store);

// Each step prints a line of its own.
const script = `set -e
mkdir ${dir}/disk ${dir}/bound
mount -t tmpfs none ${dir}/disk
${sealgate('init', `${dir}/disk/site`)} >/dev/null
echo bytes >${dir}/content
${sealgate('put', `${dir}/content`, 'files/name', '--store', `${dir}/disk/site/store`)} >/dev/null
${stat(`${dir}/disk/site/store`)}
mount -o remount,ro ${dir}/disk
${stat(`${dir}/disk/site/store`)}
mount -o remount,rw ${dir}/disk
mount --bind ${dir}/disk ${dir}/bound
mount -o remount,bind,ro ${dir}/bound
${stat(`${dir}/bound/site/store`)}
`;

test('a blob on a writable, a read-only and a read-only bound disk: L1, L2, L1', async (t) => {
  const namespace = ['--mount', '--propagation', 'private', 'sh', '-c'];
  const { status } = await outcome(spawn('unshare', [...namespace, 'mount -t tmpfs none /mnt']));
  if (status !== 0) return t.skip('this process may mount nothing');
  const { stdout, stderr } = await outcome(spawn('unshare', [...namespace, script], { cwd: root }));
  const levels = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line).sealLevel);
  assert.deepEqual(levels, ['L1', 'L2', 'L1'], stderr);
});
