// Objects with an end of their own: from when on the name is as if it were deleted, beside what the bucket
// says, and what the same bytes with another end do. The clock is the test's.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import type { Round } from '../../src/store/collection.ts';
import type { Expiry } from '../../src/store/time_to_live.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';

const hour = 3_600_000;
let clock = Math.ceil(Date.now() / 1000) * 1000;
const site = await TestStore.open({ now: () => clock });
after(() => site.remove());
// Nothing counts as dead for longer than the store is old.
clock += hour;

async function put(bucket: string, name: string, bytes: string, expires?: Expiry) {
  const staging = site.store.stagingPath();
  await writeFile(`${staging}.source`, bytes);
  const hashed = addon.importFile(`${staging}.source`, staging);
  return site.store.putObject(bucket, name, { staging, ...hashed }, { mediaType: 'text/plain', expires });
}
const isThere = (bytes: string) => existsSync(site.blobPath(sha256(bytes)));
const collect = (round: Partial<Round> = {}) => site.store.collect({ graceMs: 60_000, ...round });
const endIn = (bucket: string, name: string) => {
  const ref = site.store.resolve(bucket, name);
  assert.ok(ref?.deleted === false, `${name} is not there`);
  return ref.expires;
};

for (const bucket of ['files', 'live'])
  test(`${bucket}: a name ends at its time and not a millisecond before, listings leave it out`, async () => {
    await put(bucket, 'ends', `ends in ${bucket}`, { after: hour });
    await put(bucket, 'stays', `stays in ${bucket}`);
    const end = clock + hour;
    assert.equal(endIn(bucket, 'ends'), end);
    const page = site.store.list(bucket, { prefix: '', after: '', limit: 10 });
    assert.deepEqual(
      page.entries.map(({ name, expires }) => [name, expires]),
      [
        ['ends', end],
        ['stays', undefined],
      ],
    );
    clock = end - 1;
    assert.equal(endIn(bucket, 'ends'), end);
    clock = end;
    assert.deepEqual(site.store.resolve(bucket, 'ends'), {
      version: 1,
      deleted: true,
      created: end,
      expired: true,
    });
    assert.deepEqual(allNames(site.store, bucket), ['stays']);
    assert.equal(await site.store.deleteRef(bucket, 'ends'), false);
  });

test('the lesser of its own end and the bucket’s counts, as the setting changes', async () => {
  await site.store.createBucket('both', 'versioned');
  await put('both', 'a', 'both', { at: clock + 2 * hour });
  await site.store.setBucket('both', { ttl: 3600 });
  assert.equal(endIn('both', 'a'), clock + hour);
  await site.store.setBucket('both', { ttl: 3 * 3600 });
  assert.equal(endIn('both', 'a'), clock + 2 * hour);
  await site.store.setBucket('both', { ttl: 'none' });
  assert.equal(endIn('both', 'a'), clock + 2 * hour);
});

test('versioned: the same bytes with another end are a new version; unsaid, the end stays', async () => {
  await put('live', 'again', 'again', { after: 2 * hour });
  const end = clock + 2 * hour;
  assert.equal(await put('live', 'again', 'again'), 'same');
  assert.equal(await put('live', 'again', 'again', { at: end + 999 }), 'same');
  clock += 5000;
  assert.equal(await put('live', 'again', 'again', { after: hour }), 'replaced');
  assert.equal(endIn('live', 'again'), clock + hour);
  assert.equal(await put('live', 'again', 'others'), 'replaced');
  assert.equal(endIn('live', 'again'), undefined);
});

test('write-once: the same bytes for longer live on, for shorter they are refused', async () => {
  await put('files', 'again', 'once', { after: hour });
  const end = clock + hour;
  clock += 5000;
  assert.equal(await put('files', 'again', 'once'), 'same');
  assert.equal(endIn('files', 'again'), end);
  assert.equal(await put('files', 'again', 'once', { after: hour }), 'renewed');
  assert.equal(endIn('files', 'again'), end + 5000);
  await assert.rejects(put('files', 'again', 'once', { after: hour - 5000 }), { code: 'fields-differ' });
  await put('files', 'for ever', 'ever');
  await assert.rejects(put('files', 'for ever', 'ever', { after: hour }), { code: 'fields-differ' });
});

test('write-once: an expired name takes the same bytes, for ever if unsaid, and no others', async () => {
  await put('files', 'burnt', 'burnt', { after: hour });
  clock += hour;
  await assert.rejects(put('files', 'burnt', 'others'), { code: 'name-taken' });
  assert.equal(await put('files', 'burnt', 'burnt'), 'replaced');
  assert.equal(endIn('files', 'burnt'), undefined);
});

/** Whether the newest version on record is a deletion. */
const isDeleted = (bucket: string, name: string) =>
  site.store.versions(bucket, { name, limit: 9 }).entries.at(-1)?.deleted;

test('collection writes a tombstone a grace time later, in any bucket, and frees the bytes', async () => {
  const deleted = () => ['files', 'live'].map((bucket) => isDeleted(bucket, 'freed'));
  for (const bucket of ['files', 'live']) await put(bucket, 'freed', `freed in ${bucket}`, { after: hour });
  clock += hour + 59_999;
  assert.ok((await collect()).waiting.versions >= 2);
  assert.deepEqual(deleted(), [false, false]);
  clock += 1;
  assert.ok((await collect()).expired >= 2);
  assert.deepEqual(deleted(), [true, true]);
  assert.deepEqual([isThere('freed in files'), isThere('freed in live')], [true, true]);
  clock += 60_000;
  await collect();
  assert.deepEqual([isThere('freed in files'), isThere('freed in live')], [false, false]);
});

test('a name that gets an end after a round that found none is deleted by a later one', async () => {
  await site.store.createBucket('late', 'write-once');
  await put('late', 'plain', 'late and plain');
  for (const _ of [1, 2]) await collect();
  await put('late', 'a', 'late', { after: hour });
  clock += hour + 60_000;
  await collect();
  assert.deepEqual([isDeleted('late', 'a'), isDeleted('late', 'plain')], [true, false]);
});

test('after a restart the end counts, and collection finds it', async () => {
  await put('live', 'restarted', 'restarted', { after: hour });
  await site.reopen();
  assert.equal(endIn('live', 'restarted'), clock + hour);
  clock += hour + 60_000;
  await site.reopen();
  assert.equal(site.store.resolve('live', 'restarted')?.deleted, true);
  await collect();
  assert.equal(isDeleted('live', 'restarted'), true);
});

test('a clock that is ahead for less than the grace time changes nothing', async () => {
  await put('live', 'ahead', 'ahead', { after: hour });
  clock += hour + 50_000;
  assert.equal(site.store.resolve('live', 'ahead')?.deleted, true);
  await collect();
  clock -= hour;
  assert.ok(endIn('live', 'ahead'));
});

test('a copy and a restored version do not end with what they are made of, unless that is said', async () => {
  await put('live', 'source', 'source', { after: hour });
  const digest = sha256('source');
  await site.store.putRef('live', 'copy', { digest });
  assert.equal(endIn('live', 'copy'), undefined);
  await site.store.putRef('live', 'short copy', { digest, expires: { after: 1000 } });
  assert.equal(endIn('live', 'short copy'), clock + 1000);
  assert.equal((site.store.version('live', 'source', 1) as { expires?: number }).expires, undefined);
  const [kept] = site.store.kept(digest, { graceMs: 0, limit: 9 }).filter((each) => 'expires' in each);
  assert.ok(kept?.kind === 'name' && kept.expires !== undefined);
});
