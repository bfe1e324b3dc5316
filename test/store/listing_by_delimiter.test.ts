// A listing with a delimiter has each common prefix once, and each name without one, whatever the names, the
// delimiter and the pages are.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { textBehind } from '../../src/store/common_prefix.ts';
import { seeded } from '../support/random.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.put('files', 'first', 'bytes');
const to = { digest: sha256('bytes'), mediaType: 'text/plain' };
const bytesOf = (text: string) => Buffer.from(text);
const inOrder = (texts: Iterable<string>) =>
  [...texts].sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b)));

async function writeNames(bucket: string, names: string[]): Promise<void> {
  await site.store.createBucket(bucket, 'versioned');
  await Promise.all(names.map((name) => site.store.putRef(bucket, name, to)));
}

const deleteNames = (bucket: string, names: string[]) =>
  Promise.all(names.map((name) => site.store.deleteRef(bucket, name)));

/** Names and common prefixes of all pages, and how many pages there were. */
function listed(bucket: string, { prefix = '', delimiter = '/', limit = 1000 }) {
  const found: string[] = [];
  let pages = 0;
  for (let after: string | undefined = ''; after !== undefined; pages++) {
    const page = site.store.list(bucket, { prefix, delimiter, after, limit });
    assert.ok(page.entries.length + page.prefixes.length <= limit);
    found.push(...inOrder([...page.entries.map(({ name }) => name), ...page.prefixes]));
    after = page.next;
  }
  return { found, pages };
}

/** The same, from all names that there are. */
function expected(names: string[], prefix: string, delimiter: string): string[] {
  const told = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => {
      const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
      return at < 0 ? name : name.slice(0, at + delimiter.length);
    });
  return inOrder(new Set(told));
}

const odd = [
  ...['a', 'a/b', 'a/c/d', 'a/c/e', 'a0', 'b-', 'b-/c', 'b-c', 'b--c', 'z/\u{10ffff}', 'z/\u{10ffff}/x'],
  ...['\ud7ff/a', '\ue000', '\u{10ffff}/a', '\u{10ffff}\u{10ffff}/b', '\u{10ffff}', '😀/x/y', '日本/東京'],
  `${'x'.repeat(1022)}/y`,
  `${'\u{10ffff}'.repeat(255)}/y`,
];

test('odd names, prefixes and delimiters: each page size finds what all names say', async () => {
  await writeNames('odd', odd);
  const delimiters = ['/', '-', '--', '', 'c', '\u{10ffff}', 'x', '/b', '\0', '\ud7ff'];
  for (const delimiter of delimiters)
    for (const prefix of ['', 'a', 'a/', 'b', 'b-', '\u{10ffff}', 'x', 'nothing'])
      for (const limit of [1, 2, 1000]) {
        const { found } = listed('odd', { prefix, delimiter, limit });
        assert.deepEqual(
          found,
          expected(odd, prefix, delimiter),
          JSON.stringify({ delimiter, prefix, limit }),
        );
      }
});

test('random names with versions and deletions: each page size finds what all names say', async () => {
  const random = seeded(7);
  const below = (most: number) => Math.floor(random() * most);
  const pick = (text: string) => text[below(text.length)] as string;
  const names = new Set<string>();
  while (names.size < 400) {
    const name = Array.from({ length: 1 + below(6) }, () => pick('ab-')).join('');
    names.add(below(3) === 0 ? `${name}/${pick('ab')}` : name);
  }
  await writeNames('random', [...names]);
  const deleted = [...names].filter(() => below(2) === 0);
  await deleteNames('random', deleted);
  const back = deleted.filter(() => below(4) === 0);
  await writeNames('random', back);
  const live = [...names].filter((name) => !deleted.includes(name) || back.includes(name));
  for (const delimiter of ['/', '-', 'b', '-a'])
    for (const prefix of ['', 'a', 'ab', '-'])
      for (const limit of [1, 3, 50, 1000])
        assert.deepEqual(
          listed('random', { prefix, delimiter, limit }).found,
          expected(live, prefix, delimiter),
          JSON.stringify({ delimiter, prefix, limit }),
        );
});

test('folders of thousands of names are passed by seeking: all of them are on one page', async () => {
  const folders = ['a', 'b', 'c'];
  await writeNames('deep', [
    'a0',
    ...folders.flatMap((each) => Array.from({ length: 3000 }, (_, i) => `${each}/${i}`)),
  ]);
  const page = site.store.list('deep', { prefix: '', delimiter: '/', after: '', limit: 1000 });
  assert.deepEqual(
    [page.prefixes, page.entries.map(({ name }) => name), page.next],
    [['a/', 'b/', 'c/'], ['a0'], undefined],
  );
});

test('a folder of deleted names alone is no prefix; one with a single name behind them is', async () => {
  const names = (folder: string) => Array.from({ length: 2500 }, (_, i) => `${folder}/${1000 + i}`);
  await writeNames('hollow', [...names('dead'), ...names('half'), 'half/last', 'tail']);
  await deleteNames('hollow', [...names('dead'), ...names('half')]);
  for (const limit of [1, 1000]) {
    const { found, pages } = listed('hollow', { limit });
    assert.deepEqual(found, ['half/', 'tail']);
    assert.ok(pages >= 3, `${pages} pages: each looks at a bounded number of keys`);
  }
});

test('a common prefix that is a deleted name itself is on the page behind it', async () => {
  await writeNames('itself', ['a', 'b-', 'b-x', 'c']);
  await deleteNames('itself', ['b-']);
  for (const limit of [1, 2, 3])
    assert.deepEqual(listed('itself', { delimiter: '-', limit }).found, ['a', 'b-', 'c']);
});

test('after a name in the middle of a folder, the folder is told while there are names behind', async () => {
  const behind = (after: string) =>
    site.store.list('odd', { prefix: 'a/', delimiter: '/', after, limit: 10 }).prefixes;
  assert.deepEqual([behind('a/c/d'), behind('a/c/e'), behind('a/c/')], [['a/c/'], [], []]);
});

test('the text behind a prefix is the least that does not begin so', () => {
  const last = '\u{10ffff}';
  const pairs = [
    ['a', 'b'],
    ['a/', 'a0'],
    ['\ud7ff', '\ue000'],
    [`a${last}${last}`, 'b'],
    ['😀', '😁'],
  ] as const;
  for (const [prefix, behind] of pairs) assert.equal(textBehind(prefix), behind);
  for (const prefix of [last, last + last, '']) assert.equal(textBehind(prefix), undefined);
});
