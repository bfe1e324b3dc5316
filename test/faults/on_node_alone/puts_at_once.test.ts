// Eight small files share a sync of the disk, and one call for them fails: what fails for one of them is
// answered to that one alone, and a sync that fails for all is made up for by one for each.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import { outcome, root as project, runtimeArguments } from '../../support/runtime.ts';
import { sha256, temporaryFolder } from '../../support/store.ts';
import { checkFolders } from '../../support/whole_store.ts';
import { type ErrorName, Faults, takesAll } from '../shim.ts';

const home = await temporaryFolder();
const root = join(home, 'store');
const faults = new Faults(home, `${root}/blobs/sha256`);
after(() => rm(home, { recursive: true }));
const made = await openStore({ root });
await made.createBucket('files', 'write-once');
await made.close();

const count = 8;
let rounds = 0;
const bytesOf = (round: number, i: number) => `bytes ${i} of ${round}`;

interface Round {
  hit: string | undefined;
  /** What became of each upload: its outcome, or the code of its error. */
  outcomes: string[];
}

/**
 * Eight uploads of new bytes, one call for which fails. Those that were acknowledged are there afterwards. No
 * outcomes: the store could not be opened.
 */
async function round(number: number, error: ErrorName, also: Record<string, string> = {}): Promise<Round> {
  const mine = ++rounds;
  const program = join(project, 'test/faults/victim.ts');
  const words = [...runtimeArguments(), program, root, `${count}`, `${mine}`];
  const env = { ...process.env, ...faults.environment, ...also };
  const run = () => outcome(spawn(process.execPath, words, { cwd: project, env }));
  const { hit, result } = await faults.during({ number, error }, run);
  if (!result.stderr.includes('staged')) return { hit, outcomes: [] };
  assert.equal(result.status, 0, `${hit}:\n${result.stderr}`);
  const outcomes = JSON.parse(result.stdout) as string[];
  const store = await openStore({ root });
  for (const [i, its] of outcomes.entries()) {
    const ref = store.resolve('files', `${mine}/${i}`);
    assert.equal(ref !== undefined, its === 'created', `${hit}: upload ${i} was answered ${its}`);
    if (ref && !ref.deleted) await store.prove(sha256(bytesOf(mine, i)));
  }
  await store.close();
  await checkFolders(root);
  return { hit, outcomes };
}

const failed = ({ outcomes }: Round) => outcomes.filter((each) => each !== 'created');

for (const [error, code] of [
  ['EIO', 'store-write-failed'],
  ['ENOSPC', 'store-full'],
  ['EDQUOT', 'store-full'],
] as const) {
  test(`eight uploads at once: a call that fails with ${error} fails one of them at most`, async (t) => {
    const seen: string[] = [];
    // Two calls for each upload, one of each for its folders, and the sync.
    for (let number = 1; ; number += takesAll ? 1 : 5) {
      const its = await round(number, error);
      if (its.hit === undefined) break;
      seen.push(`${its.hit}: ${failed(its).join() || 'none fails'}`);
      assert.ok(failed(its).length <= 1, seen.at(-1));
      for (const each of failed(its)) assert.equal(each, code, seen.at(-1));
    }
    t.diagnostic?.(seen.join('\n'));
    assert.ok(
      seen.some((each) => each.endsWith(code)),
      seen.join('\n'),
    );
  });
}

test('eight uploads at once: a shared sync that fails is made up for by one for each', async (t) => {
  const seen: string[] = [];
  let syncs = 0;
  const always = { FAULTS_ALWAYS: 'syncfs' };
  const first = await round(10_000, 'EIO', always);
  assert.deepEqual(failed(first), []);
  for (let number = 1; ; number += takesAll ? 1 : 7) {
    const its = await round(number, 'EIO', always);
    if (its.hit === undefined) break;
    seen.push(`${its.hit}: ${failed(its).join() || 'none fails'}`);
    if (its.hit.startsWith('fsync')) {
      syncs++;
      assert.equal(failed(its).length, 1, seen.at(-1));
    }
  }
  t.diagnostic?.(seen.join('\n'));
  assert.ok(syncs > 0, seen.join('\n'));
});
