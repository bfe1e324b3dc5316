// The times of a name's versions: they never fall, whatever the clock does, and where two versions fall into
// one second the later one says that no date tells them apart.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());

/** Milliseconds since the epoch, at the beginning of a second. */
const noon = Date.UTC(2026, 0, 1, 12);

/** Puts other bytes at each of these times, and says what the store says of each version. */
async function versionsAt(
  name: string,
  ...times: number[]
): Promise<{ created: number; undated: boolean }[]> {
  const { now } = Date;
  const found = [];
  try {
    for (const time of times) {
      Date.now = () => time;
      await site.put('live', name, `bytes at ${time} of ${found.length}`);
      const ref = site.store.resolve('live', name);
      if (ref?.deleted !== false) throw new assert.AssertionError({ message: 'it is there' });
      found.push({ created: ref.created, undated: ref.undated ?? false });
    }
  } finally {
    Date.now = now;
  }
  return found;
}

test('versions of two seconds: each has its time', async () => {
  assert.deepEqual(await versionsAt('apart', noon + 999, noon + 1000), [
    { created: noon + 999, undated: false },
    { created: noon + 1000, undated: false },
  ]);
});

test('two versions of one second: the second one is undated', async () => {
  assert.deepEqual(await versionsAt('together', noon, noon + 999, noon + 1000), [
    { created: noon, undated: false },
    { created: noon + 999, undated: true },
    { created: noon + 1000, undated: false },
  ]);
});

test('the clock goes back: times stay, undated, until it has caught up', async () => {
  assert.deepEqual(await versionsAt('back', noon, noon - 60_000, noon + 2000), [
    { created: noon, undated: false },
    { created: noon, undated: true },
    { created: noon + 2000, undated: false },
  ]);
});

test('deleted and put again within a second: undated', async () => {
  const { now } = Date;
  try {
    Date.now = () => noon;
    await site.put('live', 'again', 'before');
    await site.store.deleteRef('live', 'again');
    await site.put('live', 'again', 'after');
  } finally {
    Date.now = now;
  }
  const ref = site.store.resolve('live', 'again');
  assert.ok(ref?.deleted === false && ref.undated);
});
