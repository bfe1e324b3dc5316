// GET /o/{bucket}/: names in order, a page at a time.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { RespondPlan } from '../../../src/native/addon.ts';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
for (const name of ['b/2', 'a', 'b/10', 'c&d', 'b/1']) await app.put(`/o/files/${encodeURI(name)}`, name);

const page = (plan: RespondPlan) => JSON.parse(plan.body.toString());
const names = (plan: RespondPlan) => page(plan).entries.map((entry: { name: string }) => entry.name);

test('a whole bucket in code-point order, with what each name points at', async () => {
  const listing = await app.response('GET', '/o/files/');
  assert.equal(field(listing, 'Content-Type'), 'application/json');
  assert.deepEqual(names(listing), ['a', 'b/1', 'b/10', 'b/2', 'c&d']);
  const [first] = page(listing).entries;
  assert.deepEqual(Object.keys(first), ['name', 'digest', 'size', 'mediaType', 'lastModified']);
  assert.equal(first.size, 1);
  assert.equal(new Date(first.lastModified).toISOString(), first.lastModified);
  assert.equal(page(listing).next, undefined);
});

test('a bucket without the slash behind it leads to its listing, query included', async () => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await app.response(method, '/o/files?limit=2&prefix=b%2F');
    assert.equal(answer.status, 308);
    assert.equal(field(answer, 'Location'), '/o/files/?limit=2&prefix=b%2F');
  }
  assert.equal(problemName(await app.response('GET', '/o/a%2Fb')), 'target-invalid');
  assert.equal((await app.response('PUT', '/o/files')).status, 405);
});

test('pages follow their links to the end', async () => {
  const seen: string[] = [];
  let target: string | undefined = '/o/files/?limit=2&prefix=b%2F';
  while (target !== undefined) {
    const listing: RespondPlan = await app.response('GET', target);
    assert.ok(names(listing).length <= 2);
    seen.push(...names(listing));
    const link = field(listing, 'Link');
    target = link && `/o/files/${/^<(\?.*)>; rel="next"$/.exec(link)?.[1]}`;
  }
  assert.deepEqual(seen, ['b/1', 'b/10', 'b/2']);
});

test('deleted names are left out', async () => {
  await app.put('/o/live/kept', 'x');
  await app.put('/o/live/deleted', 'x');
  await app.response('DELETE', '/o/live/deleted');
  assert.deepEqual(names(await app.response('GET', '/o/live/')), ['kept']);
});

for (const query of [
  'limit=0',
  'limit=1001',
  'limit=x',
  'limit=1e2',
  'limit=',
  'limit=1&limit=2',
  `delimiter=${'/'.repeat(1025)}`,
  'delimiter=/&delimiter=/',
  'list-type=2',
  'utm_source=x',
  `after=${'a'.repeat(1025)}`,
]) {
  test(`?${query.slice(0, 20)} is refused with 400`, async () => {
    const refused = await app.response('GET', `/o/files/?${query}`);
    assert.deepEqual([refused.status, problemName(refused)], [400, 'query-invalid']);
  });
}

test('with a delimiter, names below it are one of the prefixes, and links keep it', async () => {
  const listing = await app.response('GET', '/o/files/?delimiter=%2F');
  assert.deepEqual([names(listing), page(listing).prefixes], [['a', 'c&d'], ['b/']]);
  const found: string[] = [];
  let target: string | undefined = '/o/files/?delimiter=%2F&limit=1';
  while (target !== undefined) {
    const one: RespondPlan = await app.response('GET', target);
    found.push(...names(one), ...page(one).prefixes);
    const link = field(one, 'Link');
    target = link && `/o/files/${/^<(\?.*)>; rel="next"$/.exec(link)?.[1]}`;
  }
  assert.deepEqual(found, ['a', 'b/', 'c&d']);
});

test('a bucket that is not there is 404', async () => {
  assert.equal(problemName(await app.response('GET', '/o/nobody/')), 'bucket-unknown');
});

test('a parameter that a listing does not have is named in the refusal', async () => {
  const refused = await app.response('GET', '/o/files/?prefix=b&marker=%2F');
  assert.match(
    JSON.parse(refused.body.toString()).detail,
    /^marker: .* prefix, delimiter, after and limit\.$/,
  );
});

test('between two listings others are answered', async () => {
  let done = 0;
  const listings = Array.from({ length: 8 }, async () => {
    await app.response('GET', '/o/files/');
    done++;
  });
  await setImmediate();
  await app.get('/o/files/a');
  assert.ok(done < 4, `${done} listings came first`);
  await Promise.all(listings);
});
