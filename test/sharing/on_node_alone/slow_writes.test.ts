// Writes of shared names that take longer than collection may be trusted to wait: what was collected
// meanwhile is sent again before they are acknowledged.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Marks } from '../../../src/upstream/tier_marks.ts';
import { Ceph, s3Keys } from '../../support/ceph.ts';
import { FaultyStore } from '../../support/faulty_store.ts';
import { SharingNode, sha256 } from '../../support/sharing.ts';
import { OpenTier } from '../../support/tier.ts';

const ceph = await Ceph.start();
const faulty = await FaultyStore.start(ceph.url());
const s3 = { bucket: 'sealgate', region: s3Keys.region, accessKey: 'access', secretKey: 'secret' };
const patient = (url: string) => ({ upstreams: { tier: { url, s3, firstByteSeconds: 60 } } });
const [one, two] = await Promise.all([
  SharingNode.start(faulty.url, patient(faulty.url)),
  SharingNode.start(ceph.url(), patient(ceph.url())),
]);
const open = await OpenTier.at(ceph.url());
const marks = new Marks((asked) => open.tier.send(asked));
after(async () => {
  await open.end();
  await Promise.all([one.end(), two.end()]);
  await faulty.end();
  await ceph.end();
});

/** The next record is on its way for 4.2 s, in which something happens. */
function slowly(happens: () => Promise<unknown>): void {
  faulty.holds = async (method, path) => {
    if (method !== 'PUT' || !path.includes('/refs/')) return;
    faulty.holds = () => undefined;
    await happens();
    await wait(4200);
  };
}

test('bytes that were deleted while a record was on its way are sent again before 201', async () => {
  slowly(() => ceph.ask('DELETE', `sha256/${sha256('deleted')}`));
  assert.equal((await one.put('/o/web/deleted', 'deleted')).status, 201);
  assert.equal((await ceph.ask('GET', `sha256/${sha256('deleted')}`)).body, 'deleted');
  assert.equal(await two.get('/o/web/deleted'), 'deleted');
});

test('bytes that were condemned while a record was on its way are sent elsewhere before 201', async () => {
  const digest = sha256('condemned');
  slowly(async () => {
    await marks.begin(digest);
    const mark = await marks.read(digest);
    assert.ok(mark);
    await marks.turn(digest, mark, 'condemned');
  });
  const ifNew = { 'if-none-match': '*' };
  assert.equal((await one.put('/o/once/condemned', 'condemned', ifNew)).status, 201);
  await ceph.ask('DELETE', `sha256/${digest}`);
  assert.equal(await two.get('/o/once/condemned'), 'condemned');
  const { place } = JSON.parse((await ceph.ask('GET', 'refs/once/condemned')).body);
  assert.match(place, /^[0-9a-f]{16}$/);
});

test('a copy of what is marked as a candidate spares it', async () => {
  await one.put('/o/web/from', 'copied');
  const digest = sha256('copied');
  await marks.begin(digest);
  const { status } = await one.ask('COPY', '/o/web/from', undefined, { destination: '/o/web/to' });
  assert.equal(status, 201);
  assert.equal((await marks.read(digest))?.state, 'spared');
});
