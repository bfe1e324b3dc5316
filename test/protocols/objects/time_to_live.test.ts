// Objects that expire, over HTTP: they answer as deleted ones do, conditions see nothing there, and neither
// caches nor kept plans have them for longer than they live. The store's clock is the test's.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cachingOf } from '../../../src/engine/caching.ts';
import { addon, type DeliverPlan, type RespondPlan } from '../../../src/native/addon.ts';
import { openTestApp } from '../../support/app.ts';
import { sha256 } from '../../support/store.ts';

const ttl = 3600;
let clock = Date.now();
const app = await openTestApp({ now: () => clock });
after(() => app.close());
for (const bucket of ['live', 'files']) await app.objects.setBucket(bucket, { ttl });

const title = ({ body }: RespondPlan) => JSON.parse(body.toString()).title;
const later = (seconds: number) => {
  clock += seconds * 1000;
};
const field = ({ fields }: Pick<DeliverPlan, 'fields'>, wanted: string) =>
  fields.find(([name]) => name === wanted)?.[1];

test('an expired object is 410 to GET, HEAD and COPY, and 404 to DELETE, as a deleted one', async () => {
  for (const name of ['expired', 'deleted']) await app.put(`/o/live/${name}`, name);
  later(ttl);
  await app.put('/o/live/deleted', 'deleted');
  await app.response('DELETE', '/o/live/deleted');
  for (const name of ['expired', 'deleted']) {
    for (const [method, ...fields] of [['GET'], ['HEAD'], ['COPY', 'Destination: /o/live/copy']]) {
      const answer = await app.response(method as string, `/o/live/${name}`, ...fields);
      assert.deepEqual([answer.status, title(answer)], [410, 'name-deleted'], `${method} ${name}`);
    }
    assert.equal((await app.response('DELETE', `/o/live/${name}`)).status, 404);
  }
});

test('conditions see nothing there', async () => {
  await app.put('/o/live/conditions', 'one');
  later(ttl);
  const refused = await app.put('/o/live/conditions', 'two', `If-Match: "${sha256('one')}"`);
  assert.equal(refused.status, 412);
  assert.equal((await app.put('/o/live/conditions', 'two', 'If-Match: *')).status, 412);
  assert.equal((await app.put('/o/live/conditions', 'two', 'If-None-Match: *')).status, 200);
  assert.equal((await app.put('/o/live/conditions', 'three', 'If-None-Match: *')).status, 412);
});

test('a write-once name that expired takes its bytes again, and others are 409', async () => {
  await app.put('/o/files/once', 'one');
  later(ttl);
  assert.equal(title(await app.put('/o/files/once', 'two')), 'name-taken');
  assert.equal((await app.put('/o/files/once', 'one')).status, 200);
  assert.equal((await app.get('/o/files/once')).kind, 'deliver');
});

test('listings leave it out, and tell when the others end', async () => {
  await app.put('/o/live/listed/old', 'old');
  later(ttl / 2);
  await app.put('/o/live/listed/new', 'new');
  const end = new Date(clock + ttl * 1000).toISOString();
  later(ttl / 2);
  const listed = async (query: string) => JSON.parse((await app.response('GET', query)).body.toString());
  const { entries } = await listed('/o/live/?prefix=listed/');
  assert.deepEqual(
    entries.map(({ name, expires }: { name: string; expires: string }) => [name, expires]),
    [['listed/new', end]],
  );
  assert.deepEqual((await listed('/o/live/?prefix=listed&delimiter=/')).prefixes, ['listed/']);
  later(ttl / 2);
  assert.deepEqual((await listed('/o/live/?prefix=listed&delimiter=/')).prefixes, []);
  const { versions } = await listed('/o/live/?versions&prefix=listed/new');
  assert.equal(versions[0].expires, end);
});

test('a list of names: an expired one is absent, is made anew, or lives anew', async () => {
  for (const name of ['gone', 'back', 'kept']) await app.put(`/o/live/list/${name}`, name);
  later(ttl / 2);
  await app.put('/o/live/list/kept', 'other bytes');
  later(ttl / 2);
  const list = {
    entries: [
      { name: 'list/gone', deleted: true },
      { name: 'list/back', digest: sha256('back') },
      { name: 'list/kept', digest: sha256('other bytes') },
    ],
  };
  const answer = JSON.parse((await app.put('/o/live/', JSON.stringify(list))).body.toString());
  assert.deepEqual(
    answer.names.map(({ outcome }: { outcome: string }) => outcome),
    ['absent', 'replaced', 'renewed'],
  );
});

test('an older version is restored, and lives for as long as a new one', async () => {
  await app.put('/o/live/restored', 'restored');
  later(ttl);
  const copied = await app.response('COPY', '/o/live/restored?version=1', 'Destination: /o/live/restored');
  assert.equal(copied.status, 200);
  assert.equal((await app.get('/o/live/restored')).expires, Math.floor(clock / 1000) + ttl);
});

test('a plan is kept until the object ends, whatever its kind, and the answer says when', async () => {
  for (const [path, caching] of [
    ['/o/live/plan', 'public, max-age=0, must-revalidate'],
    ['/o/files/plan', 'public, immutable'],
  ] as const) {
    await app.put(path, 'plan');
    const end = Math.floor(clock / 1000) + ttl;
    const date = new Date(end * 1000).toUTCString();
    const plan = await app.get(path);
    assert.equal(plan.expires, end);
    assert.equal(field(plan, 'Cache-Control'), caching);
    assert.equal(field(plan, 'Sunset'), date);
    assert.equal(field(plan, 'Expires'), path.startsWith('/o/files') ? date : undefined);
  }
});

test('a change of the time to live makes the plans of the bucket stale, and the tombstone does', async () => {
  const isFresh = ({ cache }: DeliverPlan) => cache && addon.readEpoch(cache.slot) === cache.epoch;
  await app.put('/o/live/stale', 'stale');
  const before = await app.get('/o/live/stale');
  await app.objects.setBucket('live', { ttl: ttl - 1 });
  assert.equal(isFresh(before), false);
  await app.objects.setBucket('live', { ttl });
  const plan = await app.get('/o/live/stale');
  later(ttl);
  assert.ok(isFresh(plan));
  const collected = await app.objects.collect({ graceMs: 0 }, async () => {});
  assert.ok(collected.expired > 0);
  assert.equal(isFresh(plan), false);
  assert.equal((await app.response('GET', '/o/live/stale')).status, 410);
});

const end = Math.floor(Date.now() / 1000) * 1000 + 600_000;
const date = new Date(end).toUTCString();
const cases: [recorded: string, left: number, told: string, expires: boolean, until: number][] = [
  ['max-age=60', 600, 'max-age=60', false, 60],
  ['max-age=600', 600, 'max-age=600', false, 600],
  ['max-age=600', 599, 'public', true, 0],
  ['Max-Age=600, immutable', 10, 'immutable', true, 0],
  ['max-age=60, s-maxage=3600', 600, 'max-age=60', true, 60],
  ['max-age=3600, s-maxage=60', 600, 's-maxage=60', true, 60],
  ['max-age=60, stale-while-revalidate=500', 600, 'max-age=60, stale-while-revalidate=500', false, 560],
  ['max-age=60, stale-while-revalidate=600', 600, 'max-age=60', false, 60],
  ['max-age=601, stale-if-error=1', 600, 'public', true, 0],
  ['no-store', 1, 'no-store', false, 0],
  ['no-cache, max-age=60', 10, 'no-cache', true, 0],
];
for (const [cacheControl, left, told, isCut, longest] of cases)
  test(`recorded '${cacheControl}' with ${left} s left: '${told}'`, () => {
    const how = { freshness: 'immutable', fields: { cacheControl }, grant: '', expires: end } as const;
    const { fields, until } = cachingOf(how, end - left * 1000);
    assert.deepEqual(
      [field({ fields }, 'Cache-Control'), field({ fields }, 'Expires'), until],
      [told, isCut ? date : undefined, end / 1000 - longest],
    );
  });

test('an object that lives for longer than a year may be kept for a year, until it has less left', () => {
  const year = 31_536_000;
  const how = { freshness: 'immutable', grant: '', expires: end } as const;
  const told = (left: number) => {
    const { fields, until } = cachingOf(how, end - left * 1000);
    return [field({ fields }, 'Cache-Control'), field({ fields }, 'Expires'), until];
  };
  assert.deepEqual(told(2 * year), ['public, max-age=31536000, immutable', undefined, end / 1000 - year]);
  assert.deepEqual(told(year), ['public, immutable', date, end / 1000]);
});

test('for readers with a token the same holds, and no shared cache keeps it', () => {
  const how = { freshness: 'immutable', grant: 'read:files', expires: end } as const;
  const cacheControl = (fields?: { cacheControl: string }) =>
    field(cachingOf({ ...how, fields }, end - 60_000), 'Cache-Control');
  assert.equal(cacheControl(), 'private, immutable');
  assert.equal(cacheControl({ cacheControl: 's-maxage=9, max-age=600' }), 'private');
  assert.equal(cacheControl({ cacheControl: 'public, max-age=6' }), 'private, max-age=6');
});
