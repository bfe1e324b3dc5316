// Segments of a point that come late, or not at all, told by their names and times.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arrivals } from '../../src/protocols/live/arrivals.ts';
import { noTotals } from '../../src/sites/publishing_points.ts';

/** @param segments names, and the milliseconds at which they come. */
function totalsOf(segments: readonly (readonly [name: string, at: number])[], pace = 0) {
  const totals = noTotals();
  const arrivals = new Arrivals(totals);
  for (const [name, at] of segments) arrivals.came(name, pace, at);
  const { segments: count, late, missing, newestAt } = totals;
  return { count, late, missing, newestAt };
}

const regular = (count: number, name = (at: number) => `a${at}.ts`) =>
  Array.from({ length: count }, (_, at) => [name(at), at * 2000] as const);

for (const [what, segments, pace, late, missing] of [
  ['come every two seconds', regular(20), 2000, 0, 0],
  ['come every two seconds, and no playlist says so', regular(20), 0, 0, 0],
  ['take 2.9 s of 2 s', [...regular(5), ['a5.ts', 10_900]], 2000, 0, 0],
  ['take 3.1 s of 2 s', [...regular(5), ['a5.ts', 11_100]], 2000, 1, 0],
  ['take 3.1 s instead of the usual 2 s', [...regular(5), ['a5.ts', 11_100]], 0, 1, 0],
  [
    'leave out two numbers',
    [...regular(5), ['a7.ts', 14_000], ['a8.ts', 16_000], ['a9.ts', 18_000]],
    2000,
    0,
    2,
  ],
  [
    'come in another order',
    [...regular(3), ['a4.ts', 6000], ['a3.ts', 6100], ['a5.ts', 8000], ['a6.ts', 10_000]],
    2000,
    0,
    0,
  ],
  ['begin anew at 0', [...regular(5), ...regular(5)], 2000, 0, 0],
  ['have times for numbers', regular(20, (at) => `a${1_700_000_000 + at * 180_180}.m4s`), 0, 0, 0],
  [
    'have times, one of which is left out',
    regular(20, (at) => `a${at * 180_180}.m4s`).toSpliced(9, 1),
    0,
    0,
    1,
  ],
  ['are of two streams', [...regular(9), ...regular(9, (at) => `b${at}.ts`)], 2000, 0, 0],
  ['jump by a million', [...regular(5), ['a1000000.ts', 10_000], ['a1000001.ts', 12_000]], 2000, 0, 0],
  [
    'have no numbers',
    [
      ['a.ts', 0],
      ['b.ts', 100_000],
    ],
    2000,
    0,
    0,
  ],
] as const)
  test(`segments that ${what}: ${late} late, ${missing} missing`, () => {
    const found = totalsOf(segments as readonly (readonly [string, number])[], pace);
    assert.deepEqual({ late: found.late, missing: found.missing }, { late, missing });
    assert.equal(found.count, segments.length);
    assert.equal(found.newestAt, segments.at(-1)?.[1]);
  });

test('a million series of one segment each keep no more than the newest', () => {
  const totals = noTotals();
  const arrivals = new Arrivals(totals);
  for (let at = 0; at < 100_000; at++) arrivals.came(`${at}x1.ts`, 0, at);
  arrivals.came('99999x3.ts', 0, 100_000);
  assert.equal(totals.segments, 100_001);
});
