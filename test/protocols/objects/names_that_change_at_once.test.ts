// PUT /o/{bucket}/ with a list: all of its names change in one commit, or none.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTestApp, problemName } from '../../support/app.ts';
import { sha256 } from '../../support/store.ts';

const app = await openTestApp();
after(() => app.close());

async function stored(bytes: string): Promise<string> {
  await app.put(`/sha256/${sha256(bytes)}`, bytes);
  return sha256(bytes);
}
const put = (bucket: string, list: unknown, ...fields: string[]) =>
  app.put(`/o/${bucket}/`, typeof list === 'string' ? list : JSON.stringify(list), ...fields);
const answerOf = ({ body }: { body: string | Uint8Array }) => JSON.parse(body.toString());
const digestOf = (name: string) => {
  const ref = app.store.resolve('live', name);
  return ref?.deleted === false ? ref.digest : undefined;
};

test('new, changed, unchanged and deleted names: one answer says what became of each', async () => {
  await app.put('/o/live/changed', 'before');
  await app.put('/o/live/same', 'same');
  await app.put('/o/live/gone', 'gone');
  const digest = await stored('release 2');
  const { status, ...answer } = await put('live', {
    entries: [
      { name: 'new', digest, mediaType: 'text/css' },
      { name: 'changed', digest },
      { name: 'same', digest: sha256('same') },
      { name: 'gone', deleted: true },
      { name: 'never', deleted: true },
    ],
  });
  assert.equal(status, 200);
  const { names, ...counts } = answerOf(answer);
  const expected = { created: 1, replaced: 1, renewed: 0, same: 1, deleted: 1, absent: 1 };
  assert.deepEqual(counts, { bucket: 'live', ...expected });
  assert.deepEqual(names[1], { name: 'changed', outcome: 'replaced' });
  assert.equal((await app.get('/o/live/new')).contentType, 'text/css');
  assert.equal(digestOf('changed'), digest);
  assert.equal(problemName(await app.response('GET', '/o/live/gone')), 'name-deleted');
});

test('replaces: names below the prefix that the list lacks are deleted, others stay', async () => {
  for (const name of ['web/old.js', 'web/kept.js', 'website', 'other'])
    await app.put(`/o/live/${name}`, name);
  const answer = await put('live', {
    replaces: 'web/',
    entries: [{ name: 'web/kept.js', digest: sha256('web/kept.js') }],
  });
  assert.equal(answerOf(answer).deleted, 1);
  assert.equal(digestOf('web/old.js'), undefined);
  for (const name of ['web/kept.js', 'website', 'other']) assert.equal(digestOf(name), sha256(name));
});

const digest = await stored('stored');
const refused: [string, unknown, number, string, RegExp][] = [
  ['no JSON', '{', 400, 'list-invalid', /expected JSON/],
  ['no list', {}, 400, 'list-invalid', /entries: expected a list, got nothing/],
  ['an empty list', { entries: [] }, 400, 'list-invalid', /at least one name/],
  ['an unknown field', { entries: [{ name: 'a', digest, size: 1 }] }, 400, 'list-invalid', /no field 'size'/],
  [
    'a digest in capitals',
    { entries: [{ name: 'a', digest: 'A'.repeat(64) }] },
    400,
    'list-invalid',
    /lower-/,
  ],
  [
    'a digest, deleted',
    { entries: [{ name: 'a', digest, deleted: true }] },
    400,
    'list-invalid',
    /or deleted/,
  ],
  ['a name twice', { entries: [1, 2].map(() => ({ name: 'a', digest })) }, 400, 'list-invalid', /a is in/],
  ['an empty name', { entries: [{ name: '', digest }] }, 400, 'target-invalid', /name/],
  [
    'a blob never stored',
    { entries: [{ name: 'a', digest: '0'.repeat(64) }] },
    422,
    'content-unknown',
    /^a: /,
  ],
  [
    'more names than a commit takes',
    { entries: Array.from({ length: 2049 }, (_, i) => ({ name: `${i}`, digest })) },
    400,
    'list-invalid',
    /at most 2048 names, not 2049/,
  ],
];
for (const [what, list, status, problem, detail] of refused)
  test(`a list with ${what}: ${status} ${problem}`, async () => {
    const answer = await put('live', list);
    assert.deepEqual([answer.status, problemName(answer)], [status, problem]);
    assert.match(answerOf(answer).detail, detail);
    assert.equal(digestOf('a'), undefined);
  });

test('one name of a write-once bucket that holds other bytes refuses the whole list', async () => {
  await app.put('/o/files/taken', 'its bytes');
  const answer = await put('files', { entries: ['free', 'taken'].map((name) => ({ name, digest })) });
  assert.deepEqual([answer.status, problemName(answer)], [409, 'name-taken']);
  assert.equal(app.store.resolve('files', 'free'), undefined);
});

test('2,048 names of 60 characters change in one list, and 4,096 are refused as too long', async () => {
  const name = (i: number) => `large/${String(i).padStart(54, '0')}`;
  const answer = await put('live', {
    entries: Array.from({ length: 2048 }, (_, i) => ({ name: name(i), digest })),
  });
  assert.equal(answerOf(answer).created, 2048);
  const all = await put('live', { replaces: 'large/', entries: [{ name: 'large/new', digest }] });
  assert.equal(problemName(all), 'list-invalid');
});
