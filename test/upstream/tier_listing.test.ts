// What a shared store lists: only a whole listing of what was asked for is taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listed, pageOf } from '../../src/upstream/tier_listing.ts';
import type { Answered } from '../../src/upstream/tier_marks.ts';

const entry = (key: string) =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>` +
  '<ETag>&quot;e&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass>' +
  '<Owner><ID>x</ID></Owner></Contents>';
const about = '<Name>b</Name><Prefix>refs%2F</Prefix><EncodingType>url</EncodingType><MaxKeys>1000</MaxKeys>';
const ends = '<IsTruncated>false</IsTruncated>';
const listing = (...parts: string[]) =>
  '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
  `${parts.join('')}</ListBucketResult>`;
const whole = listing(about, ends, entry('refs%2Fa+b%2Bc%2F%C3%BC&amp;'), entry('refs%2Fz'));

test('a whole page gives its keys decoded, with size and time', () => {
  const { keys, next } = pageOf(200, whole, 'refs/');
  assert.deepEqual(
    keys.map(({ key }) => key),
    ['refs/a b+c/ü&', 'refs/z'],
  );
  assert.deepEqual(
    [keys[0]?.size, keys[0]?.modified, next],
    [12, Date.parse('2026-01-02T03:04:05.678Z'), undefined],
  );
});

test('an empty listing of what was asked for has no keys', () => {
  assert.deepEqual(pageOf(200, listing(about, ends), 'refs/'), { keys: [] });
});

const goesOn = (token: string) =>
  `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;

test('references to characters, by number or name, are decoded in tokens and keys', () => {
  const token = '&#34;a&#x2F;b&#x1F600;&quot;&amp;lt;&apos;';
  const { keys, next } = pageOf(200, listing(about, goesOn(token), entry('refs%2Fa&#38;&#x26;b')), 'refs/');
  assert.deepEqual([next, keys[0]?.key], ['"a/b\u{1f600}"&lt;\'', 'refs/a&&b']);
});

for (const odd of [
  '&',
  '&;',
  '&nbsp;',
  '&amp',
  '&constructor;',
  '&AMP;',
  '&#;',
  '&#0;',
  '&#x110000;',
  '&#xd800;',
])
  test(`a token or a key with ${odd} is no listing`, () => {
    const why = /no listing as it should be: it has "&.*which is no character/;
    assert.throws(() => pageOf(200, listing(about, goesOn(`a${odd}b`), entry('refs%2Fa')), 'refs/'), why);
    assert.throws(() => pageOf(200, listing(about, ends, entry(`refs%2F${odd}`)), 'refs/'), why);
  });

const refused: [string, string, number?][] = [
  ['a 404', whole, 404],
  ['a 204', '', 204],
  ['an empty 200', ''],
  ['a page of HTML', '<html><body>welcome</body></html>'],
  ['an error with 200', '<Error><Code>InternalError</Code></Error>'],
  ['other encodings', listing(about.replace('url', 'none'), ends, entry('refs%2Fa'))],
  ['no encoding', listing('<Prefix>refs/</Prefix>', ends, entry('refs/a'))],
  ['another prefix', listing(about.replace('refs%2F', 'sha256%2F'), ends)],
  ['no prefix', listing('<EncodingType>url</EncodingType>', ends)],
  ['a key of another prefix', listing(about, ends, entry('sha256%2Fa'))],
  ['a key that is cut', listing(about, ends, entry('refs%2Fa%2'))],
  ['an entry without a key', listing(about, ends, entry('refs%2Fa').replace(/<Key>.*<\/Key>/, ''))],
  ['an entry without a size', listing(about, ends, entry('refs%2Fa').replace('12', ''))],
  ['an entry without a time', listing(about, ends, entry('refs%2Fa').replace('2026-01', ''))],
  ['an entry that is not closed', listing(about, ends, entry('refs%2Fa').replace('</Contents>', ''))],
  ['fewer keys than it counts', listing(about, ends, '<KeyCount>2</KeyCount>', entry('refs%2Fa'))],
  ['no word of what follows', listing(about, entry('refs%2Fa'))],
  ['more without saying where', listing(about, '<IsTruncated>true</IsTruncated>', entry('refs%2Fa'))],
  ['two words of what follows', listing(about, ends, ends, entry('refs%2Fa'))],
  ['common prefixes', listing(about, ends, '<CommonPrefixes><Prefix>refs%2Fa</Prefix></CommonPrefixes>')],
];
for (const [what, text, status = 200] of refused)
  test(`${what} is no listing`, () => {
    assert.throws(() => pageOf(status, text, 'refs/'), /no listing as it should be/);
  });

test('every page that is cut anywhere is no listing', () => {
  for (let end = 0; end < whole.length; end++)
    assert.throws(() => pageOf(200, whole.slice(0, end), 'refs/'), /no listing/, `${end}`);
});

/** What is listed where the store answers so, page by page. */
async function all(...pages: string[]): Promise<string[]> {
  const found: string[] = [];
  const send = async () =>
    ({ kind: 'answered', status: 200, text: pages.shift() ?? '' }) as unknown as Answered;
  for await (const { key } of listed(send, 'refs/')) found.push(key);
  return found;
}

const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>';

test('pages follow one another', async () => {
  const found = await all(listing(about, more, entry('refs%2Fa')), listing(about, ends, entry('refs%2Fb')));
  assert.deepEqual(found, ['refs/a', 'refs/b']);
});

test('keys that go back, and pages without keys before others, are refused', async () => {
  const back = [listing(about, more, entry('refs%2Fb')), listing(about, ends, entry('refs%2Fa'))];
  await assert.rejects(all(...back), /GET \?list-type=2&.*: .*not in order/);
  await assert.rejects(all(listing(about, more)), /no keys, and more follow/);
});

test('entries that begin a million times and never end, or a megabyte of space, take no time', () => {
  const odd = listing(about, ends, '<Contents>'.repeat(700_000));
  assert.throws(() => pageOf(200, odd, 'refs/'), /an entry of it is not whole/);
  assert.throws(() => pageOf(200, ' '.repeat(7_000_000), 'refs/'), /no whole ListBucketResult/);
  assert.throws(() => pageOf(200, `${' '.repeat(1_000_000)}<x>`, 'refs/'), /no whole ListBucketResult/);
});
