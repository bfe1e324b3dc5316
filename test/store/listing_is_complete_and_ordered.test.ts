// A listing has every name once, in code-point order, whatever the names are and however it is cut into
// pages.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { allNames, sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.put('files', 'first', 'bytes');
const to = { digest: sha256('bytes'), mediaType: 'text/plain' };

/**
 * Spaces, quotes, percent signs, code points on both sides of the surrogates, and prefixes of one another.
 */
const odd = [
  ...[
    'a',
    'a ',
    'a!',
    'a/b',
    'a0',
    'aa',
    'a/b/c',
    'ä',
    'a\u0308',
    'A',
    '~',
    ' ',
    '%',
    '%2F',
    '"',
    "'",
    '?#&=',
  ],
  ...[
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '😀',
    '😀/x',
    '日本/東京',
    '\u00a0',
    '\u200f',
    '\ufeff',
  ],
  ...[
    'x'.repeat(1024),
    `${'x'.repeat(1023)}y`,
    'é'.repeat(512),
    '😀'.repeat(256),
    'x'.repeat(64),
    'x'.repeat(63),
  ],
];
const inCodePointOrder = (names: string[]) =>
  [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

async function writeNames(bucket: string, names: string[]): Promise<void> {
  await site.store.createBucket(bucket, 'versioned');
  await Promise.all(names.map((name) => site.store.putRef(bucket, name, to)));
}

test('odd names come back as they were written, in code-point order', async () => {
  await writeNames('odd', odd);
  for (const limit of [1, 2, 7, 1000])
    assert.deepEqual(allNames(site.store, 'odd', { limit }), inCodePointOrder(odd));
});

test('a prefix chooses exactly the names that begin with it', () => {
  for (const prefix of [...odd, 'a/', '日', 'nothing', '']) {
    const expected = inCodePointOrder(odd.filter((name) => name.startsWith(prefix)));
    assert.deepEqual(allNames(site.store, 'odd', { prefix, limit: 3 }), expected, JSON.stringify(prefix));
  }
});

test('a page begins after any text, a name or not', () => {
  for (const after of [...odd, 'a/b/', 'zzz', '日本']) {
    const { entries } = site.store.list('odd', { prefix: '', after, limit: 1000 });
    const expected = inCodePointOrder([...odd, after]);
    assert.deepEqual(
      entries.map(({ name }) => name),
      expected.slice(expected.lastIndexOf(after) + 1),
    );
  }
});

test('thousands of names, and the names of a neighbouring bucket left out', async () => {
  const names = Array.from({ length: 5000 }, (_, i) => `folder ${i % 7}/${i}`);
  await writeNames('many', names);
  await writeNames('many-2', ['folder 0/of another bucket']);
  await writeNames('man', ['folder 0/of another bucket']);
  for (const limit of [999, 1000])
    assert.deepEqual(allNames(site.store, 'many', { limit }), inCodePointOrder(names));
  assert.equal(allNames(site.store, 'many', { prefix: 'folder 3/' }).length, Math.ceil((5000 - 3) / 7));
});

test('versions are one entry, deleted names are none, and pages stay full', async () => {
  await writeNames(
    'gaps',
    Array.from({ length: 30 }, (_, i) => `name ${i}`),
  );
  await Promise.all(Array.from({ length: 27 }, (_, i) => site.store.deleteRef('gaps', `name ${i}`)));
  await site.store.putRef('gaps', 'name 3', to);
  const page = site.store.list('gaps', { prefix: '', after: '', limit: 4 });
  assert.deepEqual(
    page.entries.map(({ name }) => name),
    ['name 27', 'name 28', 'name 29', 'name 3'],
  );
  assert.equal(page.next, undefined);
});

test('a page passes a bounded number of deleted names and says where to go on', async () => {
  const names = Array.from({ length: 3000 }, (_, i) => `deleted ${i}`);
  await writeNames('deleted', ['before', ...names, 'zuletzt']);
  await Promise.all(names.map((name) => site.store.deleteRef('deleted', name)));
  const page = site.store.list('deleted', { prefix: '', after: '', limit: 1000 });
  assert.deepEqual(
    page.entries.map(({ name }) => name),
    ['before'],
  );
  assert.ok(page.next !== undefined && page.next < 'deleted 5');
  for (const limit of [1, 1000])
    assert.deepEqual(allNames(site.store, 'deleted', { limit }), ['before', 'zuletzt']);
});

test('names with dozens of versions are listed once, with the newest', async () => {
  await writeNames('versions', ['a', 'b', 'c', 'd']);
  const other = { ...to, mediaType: 'text/html' };
  for (let version = 0; version < 20; version++) {
    for (const name of ['b', 'c']) await site.store.deleteRef('versions', name);
    for (const name of ['b', 'c']) await site.store.putRef('versions', name, other);
  }
  await site.store.deleteRef('versions', 'c');
  const page = site.store.list('versions', { prefix: '', after: '', limit: 1000 });
  assert.deepEqual(
    page.entries.map(({ name, mediaType }) => [name, mediaType]),
    [
      ['a', 'text/plain'],
      ['b', 'text/html'],
      ['d', 'text/plain'],
    ],
  );
  assert.equal(page.next, undefined);
});

test('a name written between two pages, behind the first, is on the second', async () => {
  await writeNames('moving', ['a', 'c']);
  const first = site.store.list('moving', { prefix: '', after: '', limit: 1 });
  await writeNames('moving', ['b']);
  const second = site.store.list('moving', { prefix: '', after: first.next ?? '', limit: 10 });
  assert.deepEqual(
    [...first.entries, ...second.entries].map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

test('a bucket that is not there is refused', () => {
  assert.throws(() => site.store.list('nobody', { prefix: '', after: '', limit: 1 }), {
    code: 'bucket-unknown',
  });
});
