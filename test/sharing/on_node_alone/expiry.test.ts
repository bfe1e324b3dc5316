// Names of shared buckets that end: at every server, and then they are free.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Ceph } from '../../support/ceph.ts';
import { runCli } from '../../support/runtime.ts';
import { SharingNode, sha256 } from '../../support/sharing.ts';
import { until } from '../../support/wait.ts';

const ceph = await Ceph.start();
const [one, two] = await Promise.all([SharingNode.start(ceph.url()), SharingNode.start(ceph.url())]);
after(async () => {
  await Promise.all([one.end(), two.end()]);
  await ceph.end();
});

/** A name of either node that has ended. */
async function ended(path: string): Promise<void> {
  assert.equal((await one.put(path, 'same', { 'x-delete-after': '1' })).status, 201);
  for (const node of [one, two])
    await until(
      () => node.get(path),
      (got) => got === '410' || got === '404',
      'it has ended',
    );
}

for (const bucket of ['web', 'once'])
  test(`${bucket}: a name that has ended takes the same bytes, which stay, at both nodes`, async () => {
    const path = `/o/${bucket}/again`;
    await ended(path);
    assert.ok((await one.put(path, 'same', { 'if-none-match': '*' })).status < 300);
    await wait(1200);
    assert.equal(await one.get(path), 'same');
    assert.equal(await two.get(path), 'same');
  });

test('a name that has ended is none for If-Match and DELETE', async () => {
  await ended('/o/web/over');
  const { status } = await two.put('/o/web/over', 'x', { 'if-match': `"${sha256('same')}"` });
  assert.equal(status, 412);
  assert.equal((await one.ask('DELETE', '/o/web/over')).status, 404);
});

test('a write-once name that has ended takes no other bytes, at either node', async () => {
  await ended('/o/once/other');
  for (const node of [one, two]) assert.equal((await node.put('/o/once/other', 'x')).status, 409);
});

test('a later end of a write-once name holds at both nodes', async () => {
  assert.equal((await one.put('/o/once/later', 'x', { 'x-delete-after': '2' })).status, 201);
  assert.equal((await one.put('/o/once/later', 'x', { 'x-delete-after': '60' })).status, 200);
  await wait(2500);
  assert.equal(await one.get('/o/once/later'), 'x');
  assert.equal(await two.get('/o/once/later'), 'x');
});

test('bytes that another node stored again for ever stay at the node that had them with an end', async () => {
  assert.equal((await one.put('/o/web/back', 'a', { 'x-delete-after': '8' })).status, 201);
  const written = performance.now();
  for (const body of ['b', 'a']) await two.put('/o/web/back', body);
  await wait(1100);
  assert.equal(await one.get('/o/web/back'), 'a');
  await wait(written + 8200 - performance.now());
  assert.equal(await one.get('/o/web/back'), 'a');
});

test('a bucket’s time to live counts from the write, also where it is learned of later', async () => {
  const ttl = (node: SharingNode, seconds: string) =>
    runCli('bucket', 'set', 'web', '--ttl', seconds, '--yes', '--config', node.site.config);
  for (const node of [one, two]) await ttl(node, '6s');
  assert.equal((await one.put('/o/web/brief', 'x')).status, 201);
  const written = performance.now();
  await wait(3000);
  assert.equal(await two.get('/o/web/brief'), 'x');
  await wait(written + 6100 - performance.now());
  for (const node of [one, two]) assert.equal(await node.get('/o/web/brief'), '410');
  await one.server.stop();
  await one.restart();
  assert.equal(await one.get('/o/web/brief'), '410');
  assert.equal((await two.put('/o/web/brief', 'x', { 'if-none-match': '*' })).status, 200);
  await until(
    () => one.get('/o/web/brief'),
    (got) => got === 'x',
    'it is there again',
  );
});
