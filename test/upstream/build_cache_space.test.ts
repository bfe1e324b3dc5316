// The space of a build cache's bucket: action results go before what they name, and no use is forgotten.

import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import pino from 'pino';
import type { SiteConfig } from '../../src/config/sites.ts';
import { addon } from '../../src/native/addon.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { Objects } from '../../src/objects/objects.ts';
import { MirrorSpace } from '../../src/upstream/mirror_space.ts';
import { sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const hour = 3_600_000;
let now = Date.now();
let site: TestStore;
let space: MirrorSpace;

function open(bazel: object): void {
  const { store } = site;
  const epochs = new Epochs(addon);
  const objects = new Objects({ store, epochs, firstRead: () => 'trust', maxObjectBytes: 1e6 });
  space = new MirrorSpace({
    ...{ store, objects, epochs, dropStalePlans: async () => {} },
    log: pino({ level: 'silent' }),
    now: () => now,
  });
  const of = { protocol: 'bazel', bucket: 'live', host: '*', path: '/', bazel };
  space.follow([of as unknown as SiteConfig]);
}

beforeEach(async () => {
  await space?.close();
  await site?.remove();
  site = await TestStore.open();
});
after(async () => {
  await space.close();
  await site.remove();
});

const at = (name: string) => ({ bucket: 'live', name });
/** Names of a build cache with 100 bytes each. */
const blob = (letter: string) => `cas/${sha256(letter.repeat(100))}`;
const result = (letter: string) => `ac/${sha256(`result ${letter}`)}`;

async function stored(letter: string): Promise<void> {
  await site.put('live', blob(letter), letter.repeat(100));
  space.stored(at(blob(letter)), false);
}

/** A result that names these blobs. */
async function made(letter: string, ...blobs: string[]): Promise<void> {
  await site.put('live', result(letter), `r${letter}`.padEnd(100));
  space.stored(at(result(letter)), false);
  await space.usedWith(
    at(result(letter)),
    blobs.map((each) => at(blob(each))),
    true,
  );
}

const names = () =>
  site.store.list('live', { prefix: '', after: '', limit: 1000 }).entries.map(({ name }) => name);

test('a result goes before the blobs that it names, though it came after them', async () => {
  open({ maxBytes: 500 });
  for (const each of ['a', 'b', 'c']) await stored(each);
  await made('1', 'a', 'b', 'c');
  assert.equal(await space.room(at(blob('d')), 200), 'kept');
  assert.deepEqual(names(), [blob('a'), blob('b'), blob('c')].sort());
});

test('a result that is asked for keeps its blobs, and one that is not goes with its own', async () => {
  open({ maxBytes: 700 });
  await stored('a');
  await made('1', 'a');
  now += 1;
  await stored('b');
  await made('2', 'b');
  now += hour;
  await space.usedWith(at(result('1')), [at(blob('a'))]);
  assert.equal(await space.room(at(blob('d')), 500), 'kept');
  assert.deepEqual(names(), [result('1'), blob('a')]);
});

test('a blob that another result used meanwhile is never older than a result that names it', async () => {
  open({ maxBytes: 10_000 });
  await stored('shared');
  await made('1', 'shared');
  const { uses } = site.store.eviction;
  const isOlder = () => (uses.of('live', blob('shared'))?.at ?? 0) < (uses.of('live', result('1'))?.at ?? 0);
  for (let minutes = 0; minutes < 200; minutes += 7) {
    now += 7 * 60_000;
    // The engine has plans of both that end at other times.
    if (minutes % 3 === 0) space.used(at(blob('shared')));
    if (minutes % 4 === 0) await space.usedWith(at(result('1')), [at(blob('shared'))]);
    assert.equal(isOlder(), false, `after ${minutes} minutes`);
  }
});

test('all 20000 blobs of a result are noted as used', async () => {
  open({ maxBytes: 10_000 });
  await made('1');
  const many = Array.from({ length: 20_000 }, (_, index) => at(`cas/${sha256(`many ${index}`)}`));
  now += hour;
  await space.usedWith(at(result('1')), many);
  const { uses } = site.store.eviction;
  const isNoted = ({ bucket, name }: { bucket: string; name: string }) => uses.of(bucket, name)?.at === now;
  assert.equal(many.filter(isNoted).length, many.length);
});

test('what is no entry of the cache stays, whatever the bound', async () => {
  open({ maxBytes: 100 });
  for (const name of ['notes', 'cas/notes', `other/cas/${sha256('a')}`])
    await site.put('live', name, 'x'.repeat(50));
  await stored('a');
  assert.equal(await space.room(at(blob('b')), 100), 'passed');
  assert.deepEqual(names(), ['cas/notes', 'notes', `other/cas/${sha256('a')}`]);
});

test('a result that nobody asks for is gone after unusedDays, and its blobs with it', async () => {
  open({ unusedDays: 30 });
  await stored('a');
  await made('1', 'a');
  now += 31 * 24 * hour;
  space.resume();
  await until(names, (all) => all.length === 0, 'something stays');
});
