// Two stores send a bucket of the same name: what one has sent is not overwritten by the other, whenever the
// two have learned of their versions.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { shareBucket } from '../../../src/objects/share_bucket.ts';
import { Ceph } from '../../support/ceph.ts';
import { sha256, TestStore } from '../../support/store.ts';
import { OpenTier } from '../../support/tier.ts';

const ceph = await Ceph.start();
let now = Date.parse('2026-01-01T00:00:00Z');
const clock = { now: () => now };
const [one, two] = await Promise.all([TestStore.open(clock), TestStore.open(clock)]);
const open = await OpenTier.at(ceph.url());
after(async () => {
  await Promise.all([one.remove(), two.remove(), open.end()]);
  await ceph.end();
});

const bucket = 'live';
const { signal } = new AbortController();
async function share({ store }: TestStore) {
  const onProgress = () => {};
  const { sent, same, others } = await shareBucket({ store, tier: open.tier, bucket, signal, onProgress });
  return { sent, same, others };
}
const record = async (name: string) => JSON.parse((await ceph.ask('GET', `refs/live/${name}`)).body);

test('what another store sent stays, though this one has a later version', async () => {
  await one.put(bucket, 'name', 'first of one');
  assert.deepEqual(await share(one), { sent: 1, same: 0, others: [] });
  now += 60_000;
  await two.put(bucket, 'name', 'later, of two');
  assert.deepEqual(await share(two), { sent: 0, same: 0, others: ['name'] });
  assert.equal((await record('name')).digest, sha256('first of one'));
});

test('what a store sent gives way to what it has got since, though its clock went back', async () => {
  await one.put(bucket, 'name', 'second of one');
  now -= 3_600_000;
  await one.put(bucket, 'back', 'sent');
  assert.deepEqual(await share(one), { sent: 2, same: 0, others: [] });
  now -= 3_600_000;
  await one.put(bucket, 'back', 'overwritten');
  assert.deepEqual(await share(one), { sent: 1, same: 1, others: [] });
  assert.equal((await record('back')).digest, sha256('overwritten'));
  assert.match((await record('back')).stamp, /^share:[0-9a-f]{16}:[0-9a-f-]{36}$/);
  assert.deepEqual(await share(two), { sent: 0, same: 0, others: ['name'] });
});
