// Time to live: from when on a name is as if it were deleted, what that means for whoever asks, and when
// collection says so on record and frees the bytes. The clock is the test's.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Round } from '../../src/store/collection.ts';
import { timeToLiveIn, timeToLiveText } from '../../src/store/time_to_live.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';

const hour = 3_600_000;
const ttl = 3600;
let clock = Date.now();
const site = await TestStore.open({ now: () => clock });
after(() => site.remove());
// Nothing counts as dead for longer than the store is old.
clock += hour;

async function bucket(name: string, kind: 'write-once' | 'versioned' = 'versioned'): Promise<void> {
  await site.store.createBucket(name, kind);
  await site.store.setBucket(name, { ttl });
}
const isThere = (bytes: string) => existsSync(site.blobPath(sha256(bytes)));
const collect = (round: Partial<Round> = {}) => site.store.collect({ graceMs: 0, ...round });
const resolve = (name: string, object: string) => site.store.resolve(name, object);

test('a name is as if it were deleted from its time to live on, and not a millisecond before', async () => {
  await bucket('exact');
  await site.put('exact', 'a', 'exact');
  const written = clock;
  clock += hour - 1;
  const ref = resolve('exact', 'a');
  assert.deepEqual(ref?.deleted === false && [ref.created, ref.expires], [written, written + hour]);
  assert.deepEqual(allNames(site.store, 'exact'), ['a']);
  clock += 1;
  assert.deepEqual(resolve('exact', 'a'), {
    version: 1,
    deleted: true,
    created: written + hour,
    expired: true,
  });
  assert.deepEqual(allNames(site.store, 'exact'), []);
  assert.equal(await site.store.deleteRef('exact', 'a'), false);
  assert.deepEqual(await site.store.switchNames('exact', [{ name: 'a' }]), ['absent']);
});

test('listings leave it out: pages, prefixes and delimiters; one over versions has it', async () => {
  await bucket('listed');
  for (const name of ['old/1', 'old/2', 'mixed/1', 'plain']) await site.put('listed', name, name);
  clock += hour / 2;
  for (const name of ['mixed/2', 'young']) await site.put('listed', name, name);
  clock += hour / 2;
  assert.deepEqual(allNames(site.store, 'listed', { limit: 1 }), ['mixed/2', 'young']);
  const page = site.store.list('listed', { prefix: '', delimiter: '/', after: '', limit: 10 });
  assert.deepEqual([page.prefixes, page.entries.map(({ name }) => name)], [['mixed/'], ['young']]);
  assert.equal(page.entries[0]?.expires, clock + hour / 2);
  const { entries } = site.store.versions('listed', { prefix: 'old/', limit: 10 });
  assert.deepEqual(
    entries.map((each) => [each.name, each.deleted, !each.deleted && each.expires]),
    ['old/1', 'old/2'].map((name) => [name, false, clock]),
  );
});

test('an expired name of a versioned bucket takes any bytes, as a new version', async () => {
  await bucket('again');
  await site.put('again', 'a', 'one');
  clock += hour;
  assert.equal(await site.put('again', 'a', 'two'), 'replaced');
  const ref = resolve('again', 'a');
  assert.deepEqual([ref?.version, ref?.deleted], [2, false]);
});

test('an expired name of a write-once bucket takes the same bytes again, and no others', async () => {
  await bucket('once', 'write-once');
  await site.put('once', 'a', 'one');
  clock += hour;
  await assert.rejects(site.put('once', 'a', 'two'), { code: 'name-taken' });
  assert.equal(await site.put('once', 'a', 'one'), 'replaced');
  assert.equal(resolve('once', 'a')?.deleted, false);
  clock += hour;
  assert.equal((await collect()).expired > 0, true);
  await assert.rejects(site.put('once', 'a', 'two'), { code: 'name-taken' });
});

test('the same bytes again live anew; within a second they are the same', async () => {
  for (const [kind, name] of [
    ['write-once', 'anew-once'],
    ['versioned', 'anew'],
  ] as const) {
    await bucket(name, kind);
    clock = Math.ceil(clock / 1000) * 1000;
    const modified = clock - 5000;
    const about = { mediaType: 'text/x-own', fields: { meta: { key: 'value' } }, modified };
    await site.put(name, 'other', 'anew');
    await site.store.putRef(name, 'a', { digest: sha256('anew'), ...about });
    clock += 999;
    assert.equal(await site.store.putRef(name, 'a', { digest: sha256('anew') }), 'same');
    clock += hour / 2;
    assert.equal(await site.store.putRef(name, 'a', { digest: sha256('anew') }), 'renewed');
    clock += hour / 2;
    const ref = resolve(name, 'a');
    assert.ok(ref?.deleted === false);
    const { mediaType, fields } = ref;
    assert.deepEqual({ mediaType, fields, modified: ref.modified }, about);
    assert.equal(ref.expires, clock + hour / 2);
  }
});

test('without a time to live the same bytes are the same, however old they are', async () => {
  await site.put('live', 'same', 'same');
  clock += 1000 * hour;
  assert.equal(await site.put('live', 'same', 'same'), 'same');
  assert.equal((resolve('live', 'same') as { expires?: number }).expires, undefined);
});

test('collection writes a tombstone a grace time later and frees the bytes a further one later', async () => {
  await bucket('freed');
  await site.put('freed', 'a', 'freed');
  await site.put('freed', 'b', 'freed as well');
  assert.deepEqual(site.store.usage('freed'), { objects: 2, bytes: 18 });
  clock += hour + 59_999;
  const waits = await collect({ graceMs: 60_000 });
  assert.ok(waits.waiting.versions >= 2);
  assert.deepEqual(
    site.store.versions('freed', { limit: 10 }).entries.map(({ deleted }) => deleted),
    [false, false],
  );
  clock += 1;
  assert.equal((await collect({ graceMs: 60_000, dryRun: true })).expired, 2);
  assert.equal((await collect({ graceMs: 60_000 })).expired, 2);
  assert.deepEqual(
    site.store.versions('freed', { limit: 10 }).entries.map(({ deleted }) => deleted),
    [false, true, false, true],
  );
  assert.ok(isThere('freed'));
  assert.deepEqual(site.store.usage('freed'), { objects: 2, bytes: 18 }, 'until then they count');
  clock += 60_000;
  await collect({ graceMs: 60_000 });
  assert.deepEqual([isThere('freed'), isThere('freed as well')], [false, false]);
  assert.deepEqual(site.store.usage('freed'), { objects: 0, bytes: 0 });
  assert.equal((await collect({ graceMs: 60_000 })).expired, 0);
});

test('after a restart the time to live counts on, before a tombstone and behind it', async () => {
  await bucket('restarted');
  await site.put('restarted', 'a', 'restarted');
  clock += hour;
  await site.reopen();
  assert.equal(site.store.bucket('restarted')?.ttl, ttl);
  assert.equal(resolve('restarted', 'a')?.deleted, true);
  await collect();
  await site.reopen();
  assert.deepEqual(resolve('restarted', 'a'), { version: 2, deleted: true, created: clock });
});

test('an expired version that is restored is a new version with a new date', async () => {
  await bucket('restored');
  await site.put('restored', 'a', 'restored');
  clock += hour;
  await collect({ graceMs: 1 });
  const old = site.store.version('restored', 'a', 1);
  assert.ok(old?.deleted === false);
  await site.store.putRef('restored', 'a', { digest: old.digest, mediaType: old.mediaType });
  const ref = resolve('restored', 'a');
  assert.deepEqual(ref?.deleted === false && [ref.created, ref.expires], [clock, clock + hour]);
});

test('older versions live as long, unless a rule of their own keeps them', async () => {
  await bucket('older');
  await bucket('ruled');
  await site.store.setBucket('ruled', { keep: { seconds: 10 * ttl } });
  for (const name of ['older', 'ruled']) await site.put(name, 'a', `${name} 1`);
  clock += hour / 2;
  for (const name of ['older', 'ruled']) await site.put(name, 'a', `${name} 2`);
  await collect();
  assert.ok(isThere('older 1'));
  clock += hour / 2;
  await collect();
  assert.deepEqual([isThere('older 1'), isThere('older 2'), isThere('ruled 1')], [false, true, true]);
});

test('a clock that is ahead for less than the grace time changes nothing', async () => {
  await bucket('ahead');
  await site.put('ahead', 'a', 'ahead');
  clock += hour + 50_000;
  assert.equal(resolve('ahead', 'a')?.deleted, true);
  await collect({ graceMs: 60_000 });
  clock -= hour;
  assert.equal(resolve('ahead', 'a')?.deleted, false);
});

test('one that is ahead for years, once: names are deleted, and their bytes can be restored', async () => {
  await bucket('years');
  await site.put('years', 'a', 'years');
  const now = clock;
  clock += 20_000 * hour;
  assert.ok((await collect({ graceMs: 60_000 })).expired >= 1);
  clock = now;
  await collect({ graceMs: 60_000 });
  assert.ok(isThere('years'));
  assert.equal(await site.put('years', 'a', 'years'), 'replaced');
  assert.equal(resolve('years', 'a')?.deleted, false);
});

test('one that goes back makes names live longer and none shorter', async () => {
  await bucket('back');
  await site.put('back', 'a', 'back');
  const written = clock;
  clock -= 100 * hour;
  assert.equal(resolve('back', 'a')?.deleted, false);
  assert.equal((await collect()).expired, 0);
  clock = written + hour - 1;
  assert.equal(resolve('back', 'a')?.deleted, false);
});

test('what a setting would delete, and not keep of older versions, is told beforehand', async () => {
  await site.store.createBucket('asked', 'versioned');
  for (const bytes of ['1', '22']) await site.put('asked', 'old', bytes);
  await site.put('asked', 'old as well', '333');
  clock += hour;
  await site.put('asked', 'young', '4444');
  const none = { objects: 0, bytes: 0 };
  assert.deepEqual(await site.store.removedBy('asked', { ttl }), {
    ...{ expired: { objects: 2, bytes: 5 }, versions: 1, bytes: 1 },
  });
  assert.deepEqual(await site.store.removedBy('asked', { ttl, keep: { versions: 1 } }), {
    ...{ expired: { objects: 2, bytes: 5 }, versions: 0, bytes: 0 },
  });
  assert.deepEqual(await site.store.removedBy('asked', { ttl: ttl + 1 }), {
    ...{ expired: none, versions: 0, bytes: 0 },
  });
  await site.store.setBucket('asked', { ttl });
  assert.deepEqual((await site.store.removedBy('asked', { ttl: ttl / 2 })).expired, none);
  assert.deepEqual(allNames(site.store, 'asked'), ['young']);
  await site.store.setBucket('asked', { ttl: 'none' });
  assert.deepEqual(allNames(site.store, 'asked'), ['old', 'old as well', 'young']);
});

test('why tells when a newest version ends', async () => {
  await bucket('kept');
  await site.put('kept', 'a', 'kept');
  const [kept] = site.store.kept(sha256('kept'), { graceMs: 0, limit: 1 });
  assert.equal(kept?.kind === 'name' && kept.expires, clock + hour);
});

for (const [text, seconds] of [
  ['90s', 90],
  ['30m', 1800],
  ['12h', 43_200],
  ['7d', 604_800],
  ['36600d', 36_600 * 86_400],
  ['36601d', undefined],
  ['0s', undefined],
  ['7', undefined],
  ['d', undefined],
  ['1.5h', undefined],
] as const)
  test(`a time to live of ${text}: ${seconds} seconds`, () => assert.equal(timeToLiveIn(text), seconds));

test('a time to live is told in the largest unit that is exact', () => {
  const said = [1, 90, 3600, 5400, 86_400, 604_800].map(timeToLiveText);
  const times = ['1 second', '90 seconds', '1 hour', '90 minutes', '1 day', '7 days'];
  assert.deepEqual(
    said,
    times.map((time) => `objects expire after ${time}`),
  );
});
