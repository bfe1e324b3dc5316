// Kept plans of mounts: a plan answers further requests for the path of its mount, whatever host they name,
// and none of another mount. A protocol that tells requests apart by parameters has plans for each value.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pino from 'pino';
import { deliver, problem } from '../../src/engine/plan.ts';
import { addon, type DeliverPlan } from '../../src/native/addon.ts';
import { Coder } from '../../src/objects/coder.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { Objects } from '../../src/objects/objects.ts';
import { openToAll } from '../../src/sites/grants.ts';
import type { Mount, Protocol } from '../../src/sites/mount.ts';
import { Mounts } from '../../src/sites/mounts.ts';
import { blobsFolder } from '../../src/store/blobs.ts';
import { startEngine } from '../support/engine.ts';
import { TestStore } from '../support/store.ts';
import { Wire } from '../support/wire.ts';

const site = await TestStore.open();
for (const bucket of ['wide', 'one', 'two']) {
  await site.store.createBucket(bucket, 'versioned');
  await site.put(bucket, 'page', `page of ${bucket}`);
  await site.put(bucket, 'page-draft', `draft of ${bucket}`);
}

/** `page` of the mount's bucket, or its draft where the query says `version=draft`. */
const pages: Protocol = {
  parameters: ['version'],
  serve:
    ({ objects }, { bucket = '' }) =>
    async (request) => {
      asked++;
      const name = request.query.get('version') === 'draft' ? 'page-draft' : 'page';
      const { blob, epoch } = await objects.get({ bucket, name });
      assert.ok(!(blob instanceof Promise));
      return deliver(blob, {
        contentType: 'text/plain',
        freshness: 'revalidate',
        grant: openToAll,
        created: undefined,
        cache: epoch,
      });
    },
};
/** Plans that differ by the name in the path in what makes them be kept. */
const terms: Protocol = {
  parameters: [],
  serve:
    ({ objects }) =>
    async (request) => {
      asked++;
      const { blob, epoch: cache } = await objects.get({ bucket: 'wide', name: 'page' });
      assert.ok(!(blob instanceof Promise));
      const how = { contentType: 'text/plain', freshness: 'revalidate', created: undefined, cache } as const;
      const plan = deliver(blob, { ...how, grant: openToAll });
      const { grant: _, ...ungranted } = plan;
      const named: Record<string, DeliverPlan> = {
        '/terms/plain': plan,
        '/terms/later': { ...plan, expires: Date.now() / 1000 + 3600 },
        '/terms/expired': { ...plan, expires: 1 },
        '/terms/no-grant': ungranted,
        '/terms/other-grant': { ...plan, grant: 'read:wide' },
        '/terms/varies': { ...plan, varies: ['accept'] },
      };
      return named[request.path] ?? problem('not-found');
    },
};
const mounts: Mount[] = [
  { host: '*', path: '/terms/', protocol: 'terms' },
  { host: '*', path: '/', protocol: 'pages', bucket: 'wide' },
  { host: 'one.example', path: '/', protocol: 'pages', bucket: 'one' },
  { host: '*.example', path: '/', protocol: 'pages', bucket: 'two' },
];
let asked = 0;

const objects = new Objects({
  store: site.store,
  epochs: new Epochs(addon),
  firstRead: () => 'trust',
  maxObjectBytes: 1000,
});
const log = pino({ level: 'silent' });
const coder = new Coder(site.store, log);
const services = { objects, coder, authorize: () => openToAll, openReads: true, log };
const { handle, table } = new Mounts(mounts, { pages, terms }, services);
const engine = await startEngine(handle, 1, blobsFolder(site.root), table);
const wire = await Wire.open(engine.origin);
after(async () => {
  wire.close();
  await engine.stop();
  await site.remove();
});

const entries = () => engine.pool.counters().plan_entries ?? 0;
const body = async (target: string, host: string) =>
  (await wire.get(target, `Host: ${host}`)).body.toString();

test('the same path of three mounts has three plans, which never answer for one another', async () => {
  for (let round = 0; round < 3; round++) {
    assert.equal(await body('/same', 'other.test'), 'page of wide');
    assert.equal(await body('/same', 'one.example'), 'page of one');
    assert.equal(await body('/same', 'two.example'), 'page of two');
  }
  assert.deepEqual([asked, entries()], [3, 3]);
});

test('hosts that no mount names share one plan, and so do spellings of one that a mount names', async () => {
  const [askedBefore, entriesBefore] = [asked, entries()];
  for (let i = 0; i < 20; i++) assert.equal(await body('/hosts', `h${i}.test`), 'page of wide');
  for (const host of ['one.example', 'ONE.example', 'one.example.', 'one.example:8443'])
    assert.equal(await body('/hosts', host), 'page of one');
  for (const target of ['http://one.example/hosts', 'https://One.Example:1/hosts'])
    assert.equal(await body(target, 'other.test'), 'page of one');
  assert.deepEqual([asked - askedBefore, entries() - entriesBefore], [2, 2]);
});

test('a parameter that answers depend on has plans of its own, and others share them', async () => {
  const before = asked;
  for (let round = 0; round < 2; round++) {
    for (const query of ['', '?', '?utm_source=x', '?a=version=draft'])
      assert.equal(await body(`/query${query}`, 'other.test'), 'page of wide');
    for (const query of ['?version=draft', '?utm_source=x&version=draft&fbclid=y'])
      assert.equal(await body(`/query${query}`, 'other.test'), 'draft of wide');
    // As the application decodes it.
    assert.equal(await body('/query?%76ersion=draft', 'other.test'), 'draft of wide');
  }
  assert.equal(asked - before, 3);
});

for (const [name, kept] of [
  ['plain', true],
  ['later', true],
  ['expired', false],
  ['no-grant', false],
  ['other-grant', false],
  ['varies', false],
] as const) {
  test(`a plan "${name}" answers ${kept ? 'all further requests' : 'its own request alone'}`, async () => {
    const before = asked;
    for (let i = 0; i < 4; i++) assert.equal(await body(`/terms/${name}`, 'x.test'), 'page of wide');
    assert.equal(asked - before, kept ? 1 : 4);
  });
}
