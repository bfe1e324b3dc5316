// Cache-Control of an answer that a better one replaces in a moment: caches that others share are told to ask
// again then, whatever they are told otherwise, and browsers keep what they have.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cachingOf } from '../../src/engine/caching.ts';

const now = 1_700_000_000_000;
const told = (how: object, keptUntil: number | undefined = now / 1000 + 2) =>
  cachingOf({ freshness: 'revalidate', grant: '', keptUntil, ...how }, now).fields.find(
    ([name]) => name === 'Cache-Control',
  )?.[1];

for (const [cacheControl, expected] of [
  ['public, max-age=3600', 'public, max-age=3600, s-maxage=2'],
  ['public, max-age=1, s-maxage=600', 'public, max-age=1, s-maxage=2'],
  [
    'public, max-age=3600, stale-while-revalidate=60',
    'public, max-age=3600, stale-while-revalidate=60, s-maxage=2',
  ],
  ['public, max-age=1', 'public, max-age=1'],
  ['public, max-age=3600, s-maxage=0', 'public, max-age=3600, s-maxage=0'],
  ['private, max-age=3600', 'private, max-age=3600'],
  ['no-store', 'no-store'],
  ['not, a=(valid', 'not, a=(valid'],
] as const)
  test(`${cacheControl}: ${expected}`, () => assert.equal(told({ cacheControl }), expected));

test('of a write-once bucket: a year for browsers, two seconds for shared caches', () => {
  assert.equal(told({ freshness: 'immutable' }), 'public, max-age=31536000, immutable, s-maxage=2');
  assert.equal(told({ freshness: 'immutable', grant: 'read:a' }), 'private, max-age=31536000, immutable');
});

test('an answer that nothing is to replace: as the rule says', () => {
  const cacheControl = 'public, max-age=3600';
  const { fields } = cachingOf({ freshness: 'revalidate', grant: '', cacheControl }, now);
  assert.deepEqual(fields[0], ['Cache-Control', cacheControl]);
});
