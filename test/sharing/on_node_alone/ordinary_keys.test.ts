// A bucket with ordinary keys that others filled, on a real Ceph: a mirror whose upstream is the bucket.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Ceph } from '../../support/ceph.ts';
import { SharingNode } from '../../support/sharing.ts';

const ceph = await Ceph.start();
const node = await SharingNode.start(ceph.url(), {
  sharedBuckets: {},
  sites: [
    {
      path: '/',
      protocol: 'mirror',
      bucket: 'own',
      upstreams: ['tier'],
      mirror: { rules: [{ match: '/**', freshSeconds: 1 }] },
    },
  ],
});
after(async () => {
  await node.end();
  await ceph.end();
});

test('a key of the bucket is fetched by a signed request, also one with signs in it, and kept', async () => {
  for (const key of ['plain.txt', "a/b%20c%2B%C3%BC!'().txt"]) {
    await ceph.ask('PUT', key, `body of ${key}`);
    assert.equal(await node.get(`/${key}`), `body of ${key}`);
  }
  await ceph.stopGateway();
  assert.equal(await node.get('/plain.txt'), 'body of plain.txt');
  await ceph.startGateway();
});

test('a key that is not there is 404', async () => {
  assert.equal(await node.get('/missing.txt'), '404');
});
