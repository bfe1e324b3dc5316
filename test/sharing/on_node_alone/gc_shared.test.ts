// Collection of a shared store by servers at intervals, and by the command.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Ceph } from '../../support/ceph.ts';
import { FaultyStore } from '../../support/faulty_store.ts';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { SharingNode, sha256 } from '../../support/sharing.ts';
import { until } from '../../support/wait.ts';

const ceph = await Ceph.start();
const shared = { graceSeconds: 8, requestsPerSecond: 1000 };
const collecting = { gc: { shared: { ...shared, intervalSeconds: 1 } } };
const two = await SharingNode.start(ceph.url(), { gc: { shared } });
const gc = (...args: string[]) => runCli('gc', '--shared', ...args, '--config', two.site.config);
await two.put('/o/web/kept', 'kept');
await two.put('/o/web/name', 'overwritten');
await two.put('/o/web/name', 'newer');
await two.put('/o/once/gone', 'deleted');
assert.equal((await two.ask('DELETE', '/o/once/gone')).status, 204);
// Before there is a server that collects, which may be done before a busy machine has run the command.
const dry = await gc('--dry-run');
const one = await SharingNode.start(ceph.url(), collecting);
after(async () => {
  await Promise.all([one.end(), two.end()]);
  await ceph.end();
});

const blob = async (text: string) => (await ceph.ask('HEAD', `sha256/${sha256(text)}`)).status;
const metric = (name: string) => one.server.metric(`sealgate_shared_${name}{upstream="tier"}`);

/** A configuration like that of the second server. */
async function settings(name: string, others: object): Promise<string> {
  const file = join(two.site.dir, name);
  const its = JSON.parse(await readFile(two.site.config, 'utf8'));
  await writeFile(file, JSON.stringify({ ...its, ...others }));
  return file;
}

test('--dry-run tells how many blobs and records there are', () => {
  assert.match(dry, /^tier: 4 blobs and 3 records of names\ntier: 0 blobs, 0 B would be removed\n/);
});

test('the bytes of an overwritten and a deleted name are removed by a server, others stay', async () => {
  await until(
    async () => [await blob('overwritten'), await blob('deleted')],
    (both) => both.every((is) => is === 404),
    'the bytes are gone',
  );
  assert.deepEqual([await blob('kept'), await blob('newer')], [200, 200]);
  await until(
    () => metric('collected_blobs_total'),
    (blobs) => blobs === 2,
    'they are counted',
  );
  assert.equal(await metric('collected_bytes_total'), 'overwrittendeleted'.length);
  assert.ok((await metric('collection_timestamp_seconds')) > 1.7e9);
  // By one round, or by two where one began between the ends of their grace times.
  const rounds = one.server
    .log()
    .split('\n')
    .filter((line) => line.includes('"a shared store was collected"'));
  const bytes = rounds.map((line): number => JSON.parse(line).removed.bytes);
  assert.equal(
    bytes.reduce((sum, each) => sum + each, 0),
    'overwrittendeleted'.length,
  );
  assert.equal(await two.get('/o/web/name'), 'newer');
  assert.equal((await two.put('/o/once/gone', 'deleted')).status, 200);
  assert.equal(await one.get('/o/once/gone'), 'deleted');
});

test('gc --shared makes a round, and tells it as JSON as well', async () => {
  assert.match(await gc(), /^tier: \d+ blobs and 3 records of names\ntier: 0 blobs, 0 B removed\n/);
  const { upstream, dryRun, records, removed } = JSON.parse(await gc('--json', '--dry-run'));
  assert.deepEqual([upstream, dryRun, records, removed], ['tier', true, 3, { blobs: 0, bytes: 0 }]);
});

test('another grace time is refused by the command, and by the server, until it is changed', async () => {
  const file = await settings('other.json', { gc: { shared: { graceSeconds: 9 } } });
  const other = (...args: string[]) => outcome(spawnCli(['gc', '--shared', ...args, '--config', file]));
  const refused = await other();
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /upstream tier \(http.*\): the grace time of this store is 8 s \(gc\/state\)/);
  assert.equal((await other('--change-grace')).status, 0);
  await until(
    () => one.server.log(),
    (log) => /the grace time of this store is 9 s/.test(log),
    'the server says so',
  );
  const failed = 'sealgate_shared_collections_total{upstream="tier",outcome="failed"}';
  assert.ok((await one.server.metric(failed)) > 0);
  assert.match(await gc('--change-grace'), /records of names/);
});

test('a store that fails the probe is not collected; a round that only counts does not probe', async () => {
  const faulty = await FaultyStore.start(ceph.url());
  faulty.answers = (path) => (path.includes('/probe/') ? { status: 200, body: '' } : undefined);
  const { upstreams } = JSON.parse(await readFile(two.site.config, 'utf8'));
  const file = await settings('faulty.json', { upstreams: { tier: { ...upstreams.tier, url: faulty.url } } });
  try {
    const refused = await outcome(spawnCli(['gc', '--shared', '--config', file]));
    assert.equal(refused.stdout, '');
    assert.match(
      refused.stderr,
      /^sealgate: upstreams\.tier: buckets cannot be shared over this store: it ove/m,
    );
    assert.equal(refused.status, 78);
    assert.match(await runCli('gc', '--shared', '--dry-run', '--config', file), /records of names/);
  } finally {
    await faulty.end();
  }
});

test('gc --shared says that no bucket is shared, that it cannot ask, and what goes alone', async () => {
  const told = async (...args: string[]) => {
    const { status, stderr } = await outcome(spawnCli(['gc', ...args]));
    return `${status} ${stderr}`;
  };
  const file = await settings('none.json', { sharedBuckets: {} });
  assert.match(await told('--shared', '--config', file), /^1 sealgate: no bucket is shared: "sharedBuckets"/);
  assert.match(await told('--change-grace', '--config', file), /^2 sealgate: --change-grace: goes with/);
  await ceph.stopGateway();
  const { config } = two.site;
  const tests = String.raw`^1 warning: gc\.shared\.graceSeconds: 8 s are for tests alone: .*\n`;
  const where = String.raw`sealgate: upstream tier \(http:.*/sealgate/\): `;
  const dry = new RegExp(`${tests}${where}GET gc/state: .*ECONNREFUSED`);
  assert.match(await told('--shared', '--dry-run', '--config', config), dry);
  const made = new RegExp(`${tests}${where}it could not be probed: .*ECONNREFUSED`);
  assert.match(await told('--shared', '--config', config), made);
});
