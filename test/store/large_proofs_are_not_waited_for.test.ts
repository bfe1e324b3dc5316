// Proofs of large files: one at a time, small ones beside them, and who asks is told when to come back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HashQueue } from '../../src/store/hash_queue.ts';

const mebi = 2 ** 20;

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test('two large files: one after the other; a small one beside them', async () => {
  const queue = new HashQueue();
  const events: string[] = [];
  const held = gate();
  const large = (name: string, until?: Promise<void>) =>
    queue.add(100 * mebi, async () => {
      events.push(`${name} begins`);
      await until;
      events.push(`${name} ends`);
    });
  const both = [large('first', held.opened), large('second')];
  await queue.add(10, async () => void events.push('small'));
  held.open();
  await Promise.all(both);
  assert.deepEqual(events, ['first begins', 'small', 'first ends', 'second begins', 'second ends']);
});

test('how long it takes is said from the bytes that wait and the rate of the file before', async () => {
  const queue = new HashQueue();
  const held = gate();
  const waiting = queue.add(3000 * mebi, () => held.opened);
  assert.equal(queue.secondsFor(3000 * mebi), Math.ceil((3000 * mebi) / 150e6));
  held.open();
  await waiting;
  assert.equal(queue.secondsFor(10), 1);
});
