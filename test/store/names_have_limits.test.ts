// What buckets and objects may be called: a table of names on both sides of each limit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBucketName, checkObjectName } from '../../src/store/names.ts';

const buckets = {
  good: ['a', '0', 'files', 'v1.2', 'a-b', 'a'.repeat(63), 'a.', 'a-'],
  bad: ['', 'A', 'Files', '.a', '-a', 'a..b', 'a_b', 'a/b', 'a b', 'ä', 'a'.repeat(64), 'a\n', '\u0000'],
};
const objects = {
  good: [
    'a',
    'a/b',
    ' ',
    '...',
    '.hidden',
    'a/.b',
    'a..b',
    '..a',
    '%2e%2e',
    'ä',
    '😀',
    'x'.repeat(1024),
    'é'.repeat(512),
  ],
  bad: [
    ...['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/..', 'a/../b', './a', 'a/.'],
    ...['a\\b', 'a\u0000', 'a\nb', '\u001f', '\u007f', 'x'.repeat(1025), `${'é'.repeat(512)}x`],
    ...['\ud800', 'a\udc00b', '\udc00\ud800'],
  ],
};
const shown = (name: string) => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);

for (const name of buckets.good) test(`a bucket may be called ${shown(name)}`, () => checkBucketName(name));
for (const name of objects.good) test(`an object may be called ${shown(name)}`, () => checkObjectName(name));

for (const name of buckets.bad) {
  test(`no bucket is called ${shown(name)}`, () => {
    assert.throws(() => checkBucketName(name), { code: 'target-invalid', message: /^A bucket name has / });
  });
}
for (const name of objects.bad) {
  test(`no object is called ${shown(name)}`, () => {
    assert.throws(() => checkObjectName(name), {
      code: 'target-invalid',
      message: /^An object name (has|is) /,
    });
  });
}
