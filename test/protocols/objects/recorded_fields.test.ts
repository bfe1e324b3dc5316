// The fields of an upload that are recorded of the object and given back with it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { maxFieldBytes } from '../../../src/object_fields.ts';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
const closed = await openTestApp({ authorize: () => 'read:files', openReads: false });
after(() => Promise.all([app.close(), closed.close()]));

const said = [
  'Content-Encoding: GZIP',
  'Content-Language: de-AT, en',
  'Content-Disposition: attachment; filename="a b.txt"; filename*=UTF-8\'\'%C3%A4.txt',
  'Cache-Control: public, max-age=600, stale-while-revalidate=30',
  'Sealgate-Meta-Build: 7 "of" \\ 9',
  'SEALGATE-META-EMPTY:',
];
const content = [
  ['Content-Encoding', 'gzip'],
  ['Content-Language', 'de-AT, en'],
  ['Content-Disposition', 'attachment; filename="a b.txt"; filename*=UTF-8\'\'%C3%A4.txt'],
  ['sealgate-meta-build', '7 "of" \\ 9'],
  ['sealgate-meta-empty', ''],
];
const caching = 'public, max-age=600, stale-while-revalidate=30';
const version = (bucket: string, name: string) => app.store.resolve(bucket, name)?.version;
const fieldsOf = (bucket: string, name: string) => {
  const ref = app.store.resolve(bucket, name);
  return ref?.deleted === false ? ref.fields : assert.fail('it is there');
};

for (const bucket of ['files', 'live']) {
  test(`${bucket}: fields of an upload come back with GET, and stand in listing and answer`, async () => {
    const made = await app.put(`/o/${bucket}/all`, 'bytes', ...said);
    const about = {
      contentEncoding: 'gzip',
      contentLanguage: 'de-AT, en',
      contentDisposition: 'attachment; filename="a b.txt"; filename*=UTF-8\'\'%C3%A4.txt',
      cacheControl: caching,
      meta: { build: '7 "of" \\ 9', empty: '' },
    };
    const { digest, size, outcome, name, ...told } = JSON.parse(made.body.toString());
    assert.deepEqual([made.status, outcome, name], [201, 'created', 'all']);
    assert.deepEqual(told, { bucket, mediaType: 'application/octet-stream', ...about });
    const plan = await app.get(`/o/${bucket}/all`);
    assert.deepEqual(plan.contentFields, content);
    assert.equal(field(plan, 'Cache-Control'), caching);
    assert.equal(field(plan, 'X-Content-Type-Options'), 'nosniff');
    const page = JSON.parse((await app.response('GET', `/o/${bucket}/`)).body.toString());
    const { lastModified, ...entry } = page.entries[0];
    assert.deepEqual(entry, { name: 'all', digest, size, mediaType: told.mediaType, ...about });
  });

  test(`${bucket}: the same bytes with the same fields, or with none, change nothing`, async () => {
    for (const fields of [said, [...said].reverse(), []]) {
      const again = await app.put(`/o/${bucket}/all`, 'bytes', ...fields);
      assert.deepEqual([again.status, JSON.parse(again.body.toString()).outcome], [200, 'same']);
    }
    assert.equal(version(bucket, 'all'), 1);
    assert.equal(fieldsOf(bucket, 'all')?.cacheControl, caching);
  });
}

test('other fields of the same bytes are a new version of a versioned name, with the same type', async () => {
  await app.put(
    '/o/live/changing',
    'x',
    'Content-Type: text/x-mine',
    'Sealgate-Meta-A: 1',
    'Cache-Control: no-cache',
  );
  const { epoch } = app.epochs.ofBucket('live');
  const changed = await app.put('/o/live/changing', 'x', 'Sealgate-Meta-A: 2');
  assert.equal(JSON.parse(changed.body.toString()).outcome, 'replaced');
  assert.deepEqual(fieldsOf('live', 'changing'), { meta: { a: '2' } });
  assert.equal((await app.get('/o/live/changing')).contentType, 'text/x-mine');
  assert.equal(app.epochs.ofBucket('live').epoch, epoch + 1);
});

test('another type of the same bytes keeps the fields that are not said', async () => {
  await app.put('/o/live/retyped', 'x', 'Content-Type: text/plain', 'Cache-Control: no-cache');
  await app.put('/o/live/retyped', 'x', 'Content-Type: text/html');
  assert.deepEqual(
    [version('live', 'retyped'), fieldsOf('live', 'retyped')],
    [2, { cacheControl: 'no-cache' }],
  );
});

test('other bytes have the fields that come with them, and none of the version before', async () => {
  await app.put('/o/live/rewritten', 'x', 'Cache-Control: no-cache');
  await app.put('/o/live/rewritten', 'y');
  assert.deepEqual([version('live', 'rewritten'), fieldsOf('live', 'rewritten')], [2, undefined]);
  assert.equal((await app.get('/o/live/rewritten')).contentFields, undefined);
});

test('other fields of the same bytes are 409 in a write-once bucket, early with a promise', async () => {
  const made = await app.put('/o/files/once', 'x', 'Cache-Control: no-cache');
  const late = await app.put('/o/files/once', 'x', 'Cache-Control: no-store');
  assert.deepEqual([late.status, problemName(late)], [409, 'fields-differ']);
  const promise = `Repr-Digest: ${field(made, 'Repr-Digest')}`;
  const early = await app.response(
    'PUT',
    '/o/files/once',
    'Content-Length: 1',
    promise,
    'Sealgate-Meta-A: b',
  );
  assert.equal(problemName(early), 'fields-differ');
  assert.deepEqual(fieldsOf('files', 'once'), { cacheControl: 'no-cache' });
});

test('coded bytes are not looked at for their charset', async () => {
  await app.put('/o/files/coded.html', '<p>', 'Content-Encoding: br');
  assert.equal((await app.get('/o/files/coded.html')).contentType, 'text/html');
});

const codings: [string, string | undefined][] = [
  ['identity', undefined],
  ['', undefined],
  ['X-GZIP', 'gzip'],
  ['identity , zstd', 'zstd'],
  ['gzip,\tbr', 'gzip, br'],
];
for (const [given, recorded] of codings) {
  test(`Content-Encoding: ${given} is recorded as ${recorded}`, async () => {
    const name = `coding-${codings.findIndex(([each]) => each === given)}`;
    await app.put(`/o/files/${name}`, 'x', `Content-Encoding: ${given}`);
    assert.equal(fieldsOf('files', name)?.contentEncoding, recorded);
  });
}

test('Cache-Control beside Pragma: no-cache is for caches on the way, and not recorded', async () => {
  const made = await app.put('/o/files/asked', 'x', 'Cache-Control: no-cache', 'Pragma: No-Cache');
  assert.deepEqual([made.status, fieldsOf('files', 'asked')], [201, undefined]);
});

test('fields of just as many bytes as are taken come back whole', async () => {
  const name = 'Sealgate-Meta-A';
  const value = 'v'.repeat(maxFieldBytes - name.length - 4);
  assert.equal((await app.put('/o/files/large', 'x', `${name}: ${value}`)).status, 201);
  assert.deepEqual((await app.get('/o/files/large')).contentFields, [['sealgate-meta-a', value]]);
  const more = await app.response('PUT', '/o/files/larger', `${name}: ${value}v`, 'Content-Length: 1');
  assert.deepEqual([more.status, problemName(more)], [400, 'fields-invalid']);
});

test('a page of names with large fields ends before its limit, and goes on', async () => {
  const value = 'v'.repeat(8000);
  for (let i = 0; i < 140; i++) await app.put(`/o/live/page/${1000 + i}`, 'x', `Sealgate-Meta-A: ${value}`);
  let [query, pages, names] = ['?prefix=page/', 0, 0];
  for (let next: string | undefined = ''; next !== undefined; pages++) {
    const answer = await app.response('GET', `/o/live/${query}`);
    assert.ok(answer.body.length < 2 * 1024 * 1024);
    const page = JSON.parse(answer.body.toString());
    names += page.entries.length;
    next = page.next;
    query = `?prefix=page/&after=${next}`;
  }
  assert.deepEqual([names, pages > 1], [140, true]);
});

test('a copy has the fields of its source, or all of those that the request says', async () => {
  const copy = async (to: string, ...fields: string[]) =>
    (await app.response('COPY', '/o/files/all', `Destination: ${to}`, ...fields)).status;
  assert.equal(await copy('/o/live/copied'), 201);
  assert.deepEqual(fieldsOf('live', 'copied'), fieldsOf('files', 'all'));
  assert.equal(await copy('/o/live/copied', 'Cache-Control: no-store'), 200);
  assert.deepEqual(fieldsOf('live', 'copied'), { cacheControl: 'no-store' });
  await app.put('/o/files/bare', 'x');
  await app.response('COPY', '/o/files/bare', 'Destination: /o/live/copied');
  assert.equal(fieldsOf('live', 'copied'), undefined);
});

test('bytes that are stored by their digest alone take no fields', async () => {
  const target = `/sha256/${'0'.repeat(64)}`;
  for (const line of ['Content-Encoding: gzip', 'Cache-Control: no-cache', 'Sealgate-Meta-A: b']) {
    const refused = await app.response('PUT', target, line, 'Content-Length: 1');
    assert.deepEqual([refused.status, problemName(refused)], [400, 'field-refused']);
  }
});

const shared: [recorded: string, told: string][] = [
  ['public, max-age=600, s-maxage=900', 'private, max-age=600'],
  ['Public', 'private'],
  ['private="set-cookie", no-cache', 'private, no-cache'],
  ['no-store', 'private, no-store'],
  ['max-age=5, x="a, public"', 'private, max-age=5, x="a, public"'],
];
for (const [recorded, told] of shared) {
  test(`Cache-Control: ${recorded} is ${told} where reading takes a token`, async () => {
    const name = `closed-${shared.findIndex(([each]) => each === recorded)}`;
    await closed.put(`/o/files/${name}`, 'x', `Cache-Control: ${recorded}`);
    assert.equal(field(await closed.get(`/o/files/${name}`), 'Cache-Control'), told);
  });
}

test('a PUT of a list records the fields of each name', async () => {
  const { digest } = (await app.get('/o/files/all')).blob;
  const put = (entry: object, ...lines: string[]) =>
    app.put('/o/live/', JSON.stringify({ entries: [{ name: 'listed', digest, ...entry }] }), ...lines);
  const fields = { cacheControl: 'no-cache', contentEncoding: 'gzip', meta: { Build: '7' } };
  for (const [said, outcome] of [
    [fields, 'created'],
    [fields, 'same'],
    [{}, 'same'],
  ] as const)
    assert.equal(JSON.parse((await put(said)).body.toString()).names[0].outcome, outcome);
  assert.deepEqual(fieldsOf('live', 'listed'), { ...fields, meta: { build: '7' } });
  assert.equal(problemName(await put({ cacheControl: 'max-age=soon' })), 'fields-invalid');
  assert.equal(problemName(await put({ digest: undefined, deleted: true, meta: {} })), 'list-invalid');
  assert.equal(problemName(await put({}, 'Content-Encoding: gzip')), 'field-refused');
});

test('the store refuses the fields that HTTP refuses', async () => {
  const { digest } = (await app.get('/o/files/all')).blob;
  for (const fields of [
    { cacheControl: 'no-cache\r\nSet-Cookie: a=b' },
    { meta: { 'a\r\nb': 'c' } },
    { meta: { a: 'b\0' } },
    { meta: { A: '1', a: '2' } },
    { contentDisposition: 'ä' },
  ])
    await assert.rejects(app.store.putRef('live', 'refused', { digest, fields }), { code: 'fields-invalid' });
  assert.equal(version('live', 'refused'), undefined);
});
