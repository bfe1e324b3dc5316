// Large action results: few at a time, since each may hold the digests of half a million files.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Cache } from '../../src/protocols/bazel/cache.ts';
import { Completeness } from '../../src/protocols/bazel/completeness.ts';

test('of 64 large results at once 4 are worked at, and all have their turn, though some fail', async () => {
  const completeness = new Completeness({} as Cache);
  let [running, most, done] = [0, 0, 0];
  const work = async (at: number) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    running--;
    done++;
    if (at % 5 === 0) throw new Error('it is none');
  };
  const all = Array.from({ length: 64 }, (_, at) =>
    completeness.inTurn({ digest: '0'.repeat(64), size: 4 * 2 ** 20 }, () => work(at)),
  );
  const ended = await Promise.allSettled(all);
  assert.deepEqual([most, done], [4, 64]);
  assert.equal(ended.filter(({ status }) => status === 'rejected').length, 13);
});
