// A plan is good while its epoch is: whatever moves a name moves the epoch of its bucket, and of no other.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { addon, type DeliverPlan } from '../../../src/native/addon.ts';
import { openTestApp } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

function fresh({ cache }: DeliverPlan): boolean {
  assert.ok(cache);
  return addon.readEpoch(cache.slot) === cache.epoch;
}

test('a new version makes the plans of its bucket stale', async () => {
  await app.put('/o/live/a', 'one');
  await app.put('/o/files/a', 'one');
  const [moved, other] = [await app.get('/o/live/a'), await app.get('/o/files/a')];
  assert.ok(fresh(moved) && fresh(other));
  await app.put('/o/live/a', 'two');
  assert.deepEqual([fresh(moved), fresh(other)], [false, true]);
  assert.ok(fresh(await app.get('/o/live/a')));
});

test('a deletion makes the plans of its bucket stale', async () => {
  await app.put('/o/live/b', 'one');
  const plan = await app.get('/o/live/b');
  await app.response('DELETE', '/o/live/b');
  assert.equal(fresh(plan), false);
});

test('the same bytes again, or a further name, leave plans as they are', async () => {
  await app.put('/o/live/c', 'one');
  const plan = await app.get('/o/live/c');
  await app.put('/o/live/c', 'one');
  await app.put('/o/live/d', 'new');
  assert.ok(fresh(plan));
});

test('plans by digest depend on a slot that no bucket has', async () => {
  await app.put('/o/live/e', 'one');
  const byDigest = await app.get(`/sha256/${(await app.get('/o/live/e')).blob.digest}`);
  assert.equal(byDigest.cache?.slot, 0);
  await app.put('/o/live/e', 'two');
  assert.ok(fresh(byDigest));
});
