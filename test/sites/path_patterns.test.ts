// Patterns of paths: what stars stand for, and that comparing takes no long time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultOfPattern, pathPattern } from '../../src/path_pattern.ts';

const cases: [glob: string, path: string, captures: string[] | undefined][] = [
  ['/a.html', '/a.html', []],
  ['/a.html', '/axhtml', undefined],
  ['/', '/', []],
  ['/*', '/', undefined],
  ['/*', '/a', ['a']],
  ['/*', '/.well-known', ['.well-known']],
  ['/blog/*', '/blog/x/y', undefined],
  ['/blog/*/', '/blog/x/', ['x']],
  ['/blog/*/', '/blog/x', undefined],
  ['/assets/**', '/assets', undefined],
  ['/assets/**', '/assets/', ['']],
  ['/assets/**', '/assets/a/b.js', ['a/b.js']],
  ['**', '/', ['']],
  ['/**', '/a/b/', ['a/b/']],
  ['**/*.js', '/b.js', ['', 'b']],
  ['/**/*.js', '/b.js', ['', 'b']],
  ['/**/*.js', '/a/b/c.js', ['a/b', 'c']],
  ['/a/**/z', '/a/z', ['']],
  ['/*.{js,css}', '/a.css', ['a', 'css']],
  ['/x[ab]', '/xb', ['b']],
  ['/x?z', '/xyz', []],
  ['/a b/ü*', '/a b/ünder', ['nder']],
  ['/a+b$', '/a+b$', []],
];
for (const [glob, path, captures] of cases) {
  test(`${glob} ${captures ? 'matches' : 'does not match'} ${path}`, () => {
    assert.equal(faultOfPattern(glob), undefined);
    assert.deepEqual(pathPattern(glob).captures(path), captures);
    assert.equal(pathPattern(glob).matches(path), captures !== undefined);
  });
}

test('a path longer than any name is not compared', () => {
  assert.equal(pathPattern('/**').matches(`/${'a'.repeat(3000)}`), false);
});

test('patterns whose comparison could take long are refused', () => {
  for (const glob of [
    '/*a*',
    '/**/**',
    '/{a,{b,c}}',
    '/{a*,b*}*',
    '/{a,b}{a,b}{a,b}{a,b}{a,b}',
    '/a**',
    '/{a',
  ])
    assert.equal(typeof faultOfPattern(glob), 'string', glob);
});
