// What buckets ask of seals: their own settings, else the site's; without a bucket the strictest.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from '../../src/config/schema.ts';
import { firstReadOf, sealFloorOf, sealLevelOf } from '../../src/seal_policy.ts';

const config = (seal: unknown) => configSchema.parse({ seal });

test('no settings: trust, L1, and no floor beyond what sendfile takes', () => {
  const found = config({});
  for (const bucket of ['files', undefined]) {
    assert.equal(firstReadOf(found, bucket), 'trust');
    assert.equal(sealLevelOf(found, bucket), 'L1');
    assert.equal(sealFloorOf(found, bucket), undefined);
  }
});

test('a bucket with one setting of its own: the others are the site’s', () => {
  const found = config({ firstRead: 'hash', require: 'L2', buckets: { web: { level: 'L3' } } });
  assert.equal(firstReadOf(found, 'web'), 'hash');
  assert.equal(sealLevelOf(found, 'web'), 'L3');
  assert.equal(sealLevelOf(found, 'files'), 'L1');
  assert.deepEqual(sealFloorOf(found, 'web'), { level: 'L2', refuse: false });
});

test('bytes by their digest: the strictest reading and floor that any bucket has, the site’s level', () => {
  const buckets = {
    web: { require: 'L3', level: 'L3' },
    old: { below: 'refuse', firstRead: 'hash' },
  };
  const found = config({ buckets });
  assert.equal(firstReadOf(found), 'hash');
  assert.equal(sealLevelOf(found), 'L1');
  assert.deepEqual(sealFloorOf(found), { level: 'L3', refuse: true });
  assert.deepEqual(sealFloorOf(found, 'old'), { level: 'L1', refuse: true });
});

test('a bucket called like a property of all objects has the site’s settings', () => {
  assert.equal(sealLevelOf(config({ level: 'L2' }), 'constructor'), 'L2');
});

test('an unknown level or rule: refused', () => {
  for (const seal of [
    { level: 'L0' },
    { require: 'L4' },
    { below: 'warn' },
    { buckets: { a: { levle: 'L2' } } },
  ])
    assert.throws(() => config(seal));
});
