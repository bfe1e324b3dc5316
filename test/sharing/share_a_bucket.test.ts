// What a bucket had before it was shared: `bucket share` sends it, and other servers have it.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Ceph } from '../support/ceph.ts';
import { FaultyStore } from '../support/faulty_store.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { SharingNode, sha256 } from '../support/sharing.ts';

const ceph = await Ceph.start();
const faulty = await FaultyStore.start(ceph.url());
// The buckets of this server are not shared yet.
const [one, two] = await Promise.all([
  SharingNode.start(ceph.url(), { sharedBuckets: {} }),
  SharingNode.start(ceph.url()),
]);
after(async () => {
  await Promise.all([one.end(), two.end()]);
  await faulty.end();
  await ceph.end();
});

const share = (bucket: string, ...args: string[]) =>
  runCli('bucket', 'share', bucket, '--config', file, ...args);
const file = join(one.site.dir, 'shared.json');
const its = JSON.parse(await readFile(one.site.config, 'utf8'));
const tier = { upstream: 'tier', freshSeconds: 0 };
await writeFile(file, JSON.stringify({ ...its, sharedBuckets: { web: tier, once: tier } }));
/** The same over a way on which answers are others. */
const overFaulty = join(one.site.dir, 'faulty.json');
const upstreams = { tier: { ...its.upstreams.tier, url: faulty.url } };
await writeFile(overFaulty, JSON.stringify({ ...its, upstreams, sharedBuckets: { web: tier, once: tier } }));

test('names of a bucket that is served are sent with their bytes and fields, beside the server', async () => {
  const fields = { 'content-type': 'text/x-a', 'cache-control': 'max-age=9' };
  await one.put('/o/web/a/b%20ü+.txt', 'first', fields);
  await one.put('/o/web/deleted', 'deleted');
  await one.ask('DELETE', '/o/web/deleted');
  for (let index = 0; index < 20; index++) await one.put(`/o/web/many/${index}`, `${index}`);
  await one.put('/o/web/empty', '');
  assert.equal(
    await share('web'),
    'web: 22 of 22 names are in the shared store: 22 sent (35 B), 0 were there, ' +
      '0 have something else there, which stays\n',
  );
  const got = await two.ask('GET', '/o/web/a/b%20ü+.txt');
  assert.equal(got.body.toString(), 'first');
  assert.deepEqual([got.headers['content-type'], got.headers['cache-control']], ['text/x-a', 'max-age=9']);
  for (let index = 0; index < 20; index++) assert.equal(await two.get(`/o/web/many/${index}`), `${index}`);
  assert.deepEqual([await two.get('/o/web/empty'), await two.get('/o/web/deleted')], ['', '404']);
});

test('a second time sends what was overwritten here since, and nothing over what others wrote', async () => {
  await one.put('/o/web/many/1', 'newer here');
  await one.put('/o/web/new', 'new');
  await two.put('/o/web/many/2', 'newer there');
  await two.ask('DELETE', '/o/web/many/3');
  const { status, stdout, stderr } = await outcome(spawnCli(['bucket', 'share', 'web', '--config', file]));
  assert.match(stdout, /^web: 23 of 23 names .*: 2 sent \(13 B\), 19 were there, 2 have something else/);
  assert.equal(status, 0);
  assert.match(stderr, /many\/2: has other bytes there, or was deleted there/);
  assert.equal(JSON.parse((await ceph.ask('GET', 'refs/web/many/1')).body).digest, sha256('newer here'));
  await one.put('/o/web/many/2', 'older');
  await share('web');
  assert.equal(JSON.parse((await ceph.ask('GET', 'refs/web/many/2')).body).digest, sha256('newer there'));
});

test('a write-once name that has other bytes there keeps them, and is told in JSON', async () => {
  await one.put('/o/once/mine', 'mine');
  await one.put('/o/once/taken', 'here');
  await two.put('/o/once/taken', 'there');
  const { names, sent, others, failed } = JSON.parse(await share('once', '--json'));
  assert.deepEqual({ names, sent, others, failed }, { names: 2, sent: 1, others: ['taken'], failed: [] });
  assert.equal(await two.get('/o/once/taken'), 'there');
});

test('what is overwritten between a run beside the server and one after it is not taken back', async () => {
  const told = async () => {
    const { status, stdout, stderr } = await outcome(
      spawnCli(['bucket', 'share', 'web', '--json', '--config', file]),
    );
    assert.equal(status, 0, stderr);
    const { sent, servedUnshared } = JSON.parse(stdout);
    return { sent, servedUnshared, isSaid: /^sealgate: web: a server has .* without sharing/m.test(stderr) };
  };
  await one.put('/o/web/changing', 'first');
  assert.deepEqual(await told(), { sent: 1, servedUnshared: true, isSaid: true });
  assert.equal((await one.put('/o/web/changing', 'second')).status, 200);
  await one.put('/o/web/between', 'between');
  await one.server.stop();
  assert.deepEqual(await told(), { sent: 2, servedUnshared: false, isSaid: false });
  await writeFile(one.site.config, await readFile(file));
  await one.restart();
  for (const each of [one, two]) {
    assert.equal(await each.get('/o/web/changing'), 'second');
    assert.equal(await each.get('/o/web/between'), 'between');
  }
  assert.deepEqual(await told(), { sent: 0, servedUnshared: false, isSaid: false });
});

test('with the setting the server has what was sent, and what is there besides', async () => {
  assert.equal(await one.get('/o/web/new'), 'new');
  assert.equal(await one.get('/o/web/many/2'), 'newer there');
  // A write-once name keeps what it had here.
  assert.equal(await one.get('/o/once/taken'), 'here');
});

const said = async (...args: string[]) => {
  const { status, stdout, stderr } = await outcome(spawnCli(['bucket', 'share', ...args]));
  return `${status} ${stdout}${stderr}`;
};

test('nothing is sent to a store that overwrites what is to be new', async () => {
  faulty.answers = (path) => (path.includes('/probe/') ? { status: 200, body: '' } : undefined);
  const why =
    /^78 sealgate: upstreams\.tier: buckets cannot be shared over this store: it overwrites objects/;
  await ceph.ask('DELETE', 'refs/once/mine');
  assert.match(await said('once', '--config', overFaulty), why);
  assert.equal((await ceph.ask('GET', 'refs/once/mine')).status, 404);
});

test('what cannot be sent is told with its reason and status 1; the next run sends it', async () => {
  assert.match(await said('own', '--config', file), /^1 sealgate: own: "sharedBuckets" of the configuration/);
  assert.match(await said('none', '--config', file), /^1 sealgate: none: there is no such bucket/);
  faulty.answers = (path) => (path.endsWith('/refs/once/mine') ? { status: 403, body: '' } : undefined);
  const some = await said('once', '--config', overFaulty);
  assert.match(some, /^1 once: 1 of 2 names are in the shared store: 0 sent/);
  assert.match(some, /sealgate: mine: .*403/);
  await ceph.stopGateway();
  const none = await said('once', '--config', file);
  assert.match(none, /^1 sealgate: upstream tier \(http:.*\): it could not be probed: .*ECONNREFUSED/);
  await ceph.startGateway();
  assert.match(await share('once'), /^once: 2 of 2 names .* 1 sent \(4 B\), 0 were there/);
});
