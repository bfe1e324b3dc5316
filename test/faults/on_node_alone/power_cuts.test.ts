// The power goes after any call of a store's life: whatever the disk has kept of what was not synced, the
// store opens, all that was acknowledged is there with its bytes, nothing else is half there, and it can be
// written to. POWER_CUTS=all cuts after each call (`make power-cuts`), else after some.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import { putBytes, sha256 } from '../../support/store.ts';
import { checkFolders, checkNames, faultsBetweenRecords } from '../../support/whole_store.ts';
import { callsOf, DiskAfterACut, type Found, materialize, type Policy } from '../disk_after_a_cut.ts';
import { digestOf, Expected, type Mark } from '../marks.ts';
import { damaged } from '../work.ts';
import { type Beside, recordWork } from '../workload.ts';

const takesAll = process.env.POWER_CUTS === 'all';
/** What is kept at random, with so many seeds, at each cut. */
const seeds = takesAll ? 8 : 1;
/** States that are looked at, some 15 ms each. */
const mostStates = takesAll ? Number.POSITIVE_INFINITY : 240;

// In memory where there is such a folder: the copies are many, and nobody cuts their power.
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const home = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? memory, 'sealgate-cuts-'));
after(() => rm(home, { recursive: true, force: true }));

const dir = join(home, 'recorded');
const recording = await recordWork(dir);

/** A generator of numbers from 0 to 1 that gives the same for the same seed (xorshift32). */
function randomFrom(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function policies(cut: number): [string, Policy][] {
  const fixed = (changes: boolean, writes: boolean): Policy => ({
    keepsChange: () => changes,
    keepsWrite: () => Number(writes),
  });
  const kept: [string, Policy][] = [
    ['nothing that was not synced is kept', fixed(false, false)],
    ['all is kept', fixed(true, true)],
    ['names are kept and bytes are not', fixed(true, false)],
  ];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = randomFrom(cut * seeds + seed);
    // Half of the writes that are kept are torn.
    const keepsWrite = () => (random() < 0.5 ? 0 : random() < 0.5 ? 1 : random());
    kept.push([`seed ${seed}`, { keepsChange: () => random() < 0.5, keepsWrite }]);
  }
  return kept;
}

/** A server that starts after the cut, and one after that. */
async function check(found: Found, expected: Expected): Promise<void> {
  const copy = await mkdtemp(join(home, 'copy-'));
  materialize(found, dir, copy);
  const root = join(copy, 'store');
  for (const start of [1, 2]) {
    const store = await openStore({ root });
    try {
      await checkFolders(root);
      expected.copy().check(store);
      await checkNames(store, damaged);
      if (start === 2) assert.equal(digestOf(store, 'after', 'cut'), sha256('after the cut'));
      await store.createBucket('after', 'write-once');
      await putBytes(store, 'after', 'cut', 'after the cut');
    } finally {
      await store.close();
    }
    assert.deepEqual(await faultsBetweenRecords(root), []);
  }
  await rm(copy, { recursive: true });
}

interface State {
  what: string;
  found: Found;
  expected: Expected;
}

/** Each state that a cut may leave, once. */
function* states(): Generator<State> {
  const disk = new DiskAfterACut(dir);
  const expected = new Expected();
  const seen = new Set<string>();
  let cut = 0;
  let isBeside = false;
  for (const call of callsOf(recording)) {
    if (call.path === join(dir, 'marks')) {
      const said: Mark | Beside | undefined = call.data.length > 0 && JSON.parse(call.data.toString());
      if (said && 'beside' in said) isBeside = said.beside === 'begins';
      else if (said) expected.take(said);
      continue;
    }
    disk.do(call);
    if (isBeside) disk.settle();
    if (isBeside) continue;
    cut++;
    for (const [policy, rules] of policies(cut)) {
      const found = disk.after(rules);
      const hash = createHash('sha256').update(expected.toString());
      for (const [path, content] of found) hash.update(path).update(content ?? 'folder');
      const digest = hash.digest('hex');
      if (seen.has(digest)) continue;
      seen.add(digest);
      const where = `${call.call} ${call.path} ${call.to}`.replaceAll(dir, '');
      yield { what: `cut ${cut}, after ${where}: ${policy}`, found, expected };
    }
  }
}

function countStates(): number {
  let count = 0;
  for (const _ of states()) count++;
  return count;
}

test('after a cut all that was acknowledged is there, and the store goes on', async (t) => {
  const all = countStates();
  const stride = Math.max(1, all / mostStates);
  let next = 0;
  let number = 0;
  let looked = 0;
  const failures: string[] = [];
  for (const { what, found, expected } of states()) {
    if (number++ < next) continue;
    next += stride;
    looked++;
    await check(found, expected).catch((error) => failures.push(`${what}:\n  ${(error as Error).message}`));
  }
  t.diagnostic?.(`${looked} of ${all} states`);
  assert.ok(looked >= Math.min(all, 100), `${looked} states`);
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} of ${looked} states`);
});
