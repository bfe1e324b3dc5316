// Versions of names: they are listed with ?versions, and COPY with ?version=N makes one the newest again.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RespondPlan } from '../../../src/native/addon.ts';
import { field, openTestApp, problemName } from '../../support/app.ts';
import { sha256 } from '../../support/store.ts';

const app = await openTestApp();
after(() => app.close());

for (const bytes of ['one', 'two']) await app.put('/o/live/a/page', bytes, 'Content-Type: text/html');
await app.response('DELETE', '/o/live/a/page');
await app.put('/o/live/a/page', 'four', 'Cache-Control: no-cache');
await app.put('/o/live/a/page2', 'other');
await app.put('/o/live/b', 'b');
await app.response('DELETE', '/o/live/b');

type Shown = { name: string; version: number; newest?: true; deleted?: true; digest?: string };
const versionsOf = (plan: RespondPlan): Shown[] => JSON.parse(plan.body.toString()).versions;
const short = ({ name, version, newest, deleted }: Shown) =>
  `${name} ${version}${newest ? ' newest' : ''}${deleted ? ' deleted' : ''}`;
const page = ['a/page 1', 'a/page 2', 'a/page 3 deleted', 'a/page 4 newest'];
const all = [...page, 'a/page2 1 newest', 'b 1', 'b 2 newest deleted'];
const whole: [query: string, expected: string[]][] = [
  ['versions', all],
  ['versions=', all],
  ['versions&prefix=a/page', all.slice(0, 5)],
  ['versions&name=a/page', page],
  ['versions&name=nothing', []],
  ['versions&after=a/page', all.slice(4)],
  ['versions&after=a/page&afterVersion=2', all.slice(2)],
  ['versions&name=b&after=a', all.slice(5)],
];

for (const [query, expected] of whole) {
  for (const limit of [1, 2, 1000]) {
    test(`?${query} in pages of ${limit} has ${expected.length} versions`, async () => {
      const found: string[] = [];
      let target: string | undefined = `/o/live/?${query}&limit=${limit}`;
      while (target !== undefined) {
        const answer: RespondPlan = await app.response('GET', target);
        assert.ok(versionsOf(answer).length <= limit);
        found.push(...versionsOf(answer).map(short));
        const link = field(answer, 'Link');
        target = link && `/o/live/${/^<(\?.*)>; rel="next"$/.exec(link)?.[1]}`;
      }
      assert.deepEqual(found, expected);
    });
  }
}

test('a version has what it points at, and its fields', async () => {
  const [first, , third, fourth] = versionsOf(await app.response('GET', '/o/live/?versions&name=a/page'));
  assert.deepEqual(
    [first?.digest, Object.keys(third ?? {}), Object.keys(fourth ?? {})],
    [
      sha256('one'),
      ['name', 'version', 'deleted', 'lastModified'],
      ['name', 'version', 'newest', 'digest', 'size', 'mediaType', 'cacheControl', 'lastModified'],
    ],
  );
});

for (const query of [
  'versions=1',
  'versions&delimiter=/',
  'versions&versions',
  'versions&prefix=a&name=b',
  'versions&afterVersion=1',
  'versions&after=a&afterVersion=0',
  'versions&after=a&afterVersion=1e3',
  `versions&after=a&afterVersion=${'9'.repeat(16)}`,
  'versions&limit=1001',
  `versions&name=${'a'.repeat(1025)}`,
  'name=a',
]) {
  test(`?${query.slice(0, 40)} is refused with 400`, async () => {
    const refused = await app.response('GET', `/o/live/?${query}`);
    assert.deepEqual([refused.status, problemName(refused)], [400, 'query-invalid']);
  });
}

test('an older version is restored by COPY onto its own name, as a further version', async () => {
  const { epoch } = app.epochs.ofBucket('live');
  const restored = await app.response('COPY', '/o/live/a/page?version=1', 'Destination: /o/live/a/page');
  assert.deepEqual([restored.status, JSON.parse(restored.body.toString()).outcome], [200, 'replaced']);
  const { blob, contentType } = await app.get('/o/live/a/page');
  assert.deepEqual([blob.digest, contentType], [sha256('one'), 'text/html']);
  const ref = app.store.resolve('live', 'a/page');
  assert.deepEqual([ref?.version, ref?.deleted === false && ref.fields], [5, undefined]);
  assert.equal(app.epochs.ofBucket('live').epoch, epoch + 1);
});

const refusals: [string, string[], number, string][] = [
  ['/o/live/a/page?version=9', [], 404, 'not-found'],
  ['/o/live/nothing?version=1', [], 404, 'not-found'],
  ['/o/live/a/page?version=3', [], 410, 'name-deleted'],
  ['/o/live/a/page?version=0', [], 400, 'query-invalid'],
  ['/o/live/a/page?version=', [], 400, 'query-invalid'],
  ['/o/live/a/page?version=1&version=2', [], 400, 'query-invalid'],
  ['/o/live/a/page?version=4', ['If-Match: "other"'], 412, 'precondition-failed'],
  ['/o/live/a/page?version=4', ['Overwrite: F'], 412, 'precondition-failed'],
];
for (const [from, fields, status, name] of refusals) {
  test(`COPY ${from} ${fields}: ${status} ${name}`, async () => {
    const before = app.store.resolve('live', 'a/page')?.version;
    const refused = await app.response('COPY', from, 'Destination: /o/live/a/page', ...fields);
    assert.deepEqual([refused.status, problemName(refused)], [status, name]);
    assert.equal(app.store.resolve('live', 'a/page')?.version, before);
  });
}

test('If-Match with the newest tag restores', async () => {
  const tag = `If-Match: "${sha256('one')}"`;
  const restored = await app.response('COPY', '/o/live/a/page?version=4', 'Destination: /o/live/a/page', tag);
  assert.equal(restored.status, 200);
  const ref = app.store.resolve('live', 'a/page');
  assert.deepEqual(ref?.deleted === false && ref.fields, { cacheControl: 'no-cache' });
});

test('a version whose record or bytes were collected is 404, and nothing is changed', async () => {
  await app.store.setBucket('live', { keep: { versions: 0 } });
  await app.store.collect({ graceMs: 0 });
  const versions = versionsOf(await app.response('GET', '/o/live/?versions&name=a/page'));
  assert.deepEqual(versions.map(short), ['a/page 6 newest']);
  const copy = (version: number) =>
    app.response('COPY', `/o/live/a/page?version=${version}`, 'Destination: /o/live/back');
  assert.equal(problemName(await copy(1)), 'not-found');
  await app.put('/o/files/burnt', 'burnt');
  await app.response('DELETE', '/o/files/burnt');
  await app.store.collect({ graceMs: 0 });
  const burnt = await app.response('COPY', '/o/files/burnt?version=1', 'Destination: /o/files/burnt');
  assert.deepEqual(
    [burnt.status, JSON.parse(burnt.body.toString()).detail],
    [404, 'The bytes of version 1 are no longer stored.'],
  );
  assert.equal(app.store.resolve('live', 'back'), undefined);
});

test('versions and copies of older ones take the right to write, across buckets to read too', async () => {
  const asked: string[] = [];
  const guarded = await openTestApp({
    authorize: (_, action, bucket) => {
      asked.push(`${action}:${bucket}`);
      return 'read:live';
    },
  });
  await guarded.response('GET', '/o/live/?versions');
  await guarded.response('COPY', '/o/files/a?version=1', 'Destination: /o/live/a');
  await guarded.close();
  assert.deepEqual(asked, ['write:live', 'write:files', 'write:live', 'read:files']);
});
