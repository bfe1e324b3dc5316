// The metrics name the largest buckets and sum up the others: many buckets do not make many label values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largestBuckets } from '../../src/control/bucket_metrics.ts';
import type { Bucket } from '../../src/store/store.ts';

test('of 250 buckets the 100 that keep most are named, and the others are one', () => {
  const buckets = Array.from(
    { length: 250 },
    (_, i): Bucket => ({ name: `b${i}`, kind: 'versioned', created: 1 }),
  );
  const usage = (name: string) => ({ objects: 1, bytes: Number(name.slice(1)) });
  const shown = largestBuckets({ buckets: () => buckets, usage });
  assert.deepEqual(
    shown.slice(0, 100).map(({ name }) => name),
    Array.from({ length: 100 }, (_, i) => `b${249 - i}`),
  );
  assert.deepEqual(shown.slice(100), [{ name: '(others)', usage: { objects: 150, bytes: (149 * 150) / 2 } }]);
});
