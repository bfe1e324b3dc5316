// Each step of a command that writes to the store's disk fails once: the command says which file it was
// about, also where the step was on an open file, as an fsync is.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { named } from '../../src/named_errors.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { eachStep, Faults } from './shim.ts';

/** More than the making of a bucket has. */
const maxSteps = 80;

const site = await createSite();
const store = join(site.dir, 'store');
after(() => site.remove());
const faults = new Faults(site.dir, `${store}/`);

async function inject(number: number): Promise<string | undefined> {
  const args = ['bucket', 'create', `bucket-${number}`, '--config', site.config];
  const run = () => faults.within(() => outcome(spawnCli(args)));
  const { hit, result } = await faults.during({ number, error: 'EIO' }, run);
  const { status, stderr } = result;
  if (hit === undefined) {
    assert.equal(status, 0, stderr);
    return undefined;
  }
  const lines = stderr.split('\n').filter((line) => line.startsWith('sealgate: '));
  if (status !== 0) assert.ok(lines.at(-1)?.includes(store), `${hit}: ${status}\n${stderr}`);
  return `${hit}: ${status} ${lines.at(-1) ?? ''}`;
}

test('bucket create: each step below the store fails with EIO', async (t) => {
  const seen = await eachStep({ most: maxSteps, stride: 1 }, inject);
  t.diagnostic?.(seen.join('\n'));
  assert.ok(
    seen.some((step) => /^fdatasync store\/\S+: 1 /.test(step)),
    'a failed sync was told',
  );
  assert.ok(seen.length < maxSteps, `${seen.length} steps`);
});

test('an error with a path, or without a code, stays as it is', () => {
  const known = Object.assign(new Error('ENOENT: no such file or directory, open /a'), {
    code: 'ENOENT',
    path: '/a',
  });
  assert.equal((named('/b', known) as Error).message, 'ENOENT: no such file or directory, open /a');
  assert.equal((named('/b', new Error('of ours')) as Error).message, 'of ours');
  const bare = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  const { message, path } = named('/b', bare) as NodeJS.ErrnoException;
  assert.deepEqual([message, path], ["EIO: i/o error, fsync '/b'", '/b']);
});
