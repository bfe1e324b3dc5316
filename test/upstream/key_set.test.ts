// The set of keys of blobs that records name.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { KeySet } from '../../src/upstream/key_set.ts';

const digest = (number: number) => createHash('sha256').update(String(number)).digest('hex');

test('20,000 keys are in it, and 20,000 others are not', () => {
  const set = new KeySet(100_000);
  for (let number = 0; number < 20_000; number++) set.add(digest(number));
  for (let number = 0; number < 20_000; number++) assert.ok(set.has(digest(number)), `${number}`);
  for (let number = 20_000; number < 40_000; number++) assert.ok(!set.has(digest(number)), `${number}`);
  assert.equal(set.size, 20_000);
});

test('the digest of zeros is in it when it was added, and a key twice counts once', () => {
  const set = new KeySet(10);
  const zeros = '0'.repeat(64);
  assert.ok(!set.has(zeros));
  set.add(zeros);
  set.add(zeros);
  assert.deepEqual([set.has(zeros), set.size], [true, 1]);
});

test('a digest, and it with a place, are different keys', () => {
  const set = new KeySet(10);
  set.add(`${digest(1)}.0123456789abcdef`);
  assert.ok(set.has(`${digest(1)}.0123456789abcdef`));
  assert.ok(!set.has(digest(1)));
  assert.ok(!set.has(`${digest(1)}.0123456789abcdee`));
  assert.ok(!set.has(`${digest(1)}.1123456789abcdef`));
});

test('digests that begin alike are told apart', () => {
  const set = new KeySet(5000);
  const key = (number: number) => `00000000${digest(number).slice(8)}`;
  for (let number = 0; number < 2000; number++) set.add(key(number));
  for (let number = 0; number < 2000; number++) assert.ok(set.has(key(number)));
  assert.ok(!set.has(key(2000)));
});

test('more keys than it may have are an error', () => {
  const set = new KeySet(2);
  set.add(digest(1));
  set.add(digest(2));
  set.add(digest(1));
  assert.throws(() => set.add(digest(3)), /more than 2 blobs are named/);
});

test('no key that is added moves more than some others, however large the set is', () => {
  const set = new KeySet(100_000);
  let written = 0;
  Object.defineProperty(Uint32Array.prototype, 'set', {
    configurable: true,
    value(this: Uint32Array, ...of: Parameters<Uint32Array['set']>) {
      written++;
      Object.getPrototypeOf(Uint32Array.prototype).set.apply(this, of);
    },
  });
  try {
    let most = 0;
    for (let number = 0; number < 20_000; number++) {
      written = 0;
      set.add(digest(number));
      assert.ok(written > 0);
      assert.ok(set.has(digest(number >> 1)), `${number >> 1} of ${number}`);
      set.add(digest(number >> 1));
      assert.equal(set.size, number + 1);
      most = Math.max(most, written);
    }
    assert.ok(most <= 9, `${most} at once`);
  } finally {
    Reflect.deleteProperty(Uint32Array.prototype, 'set');
  }
});
