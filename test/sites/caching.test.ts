// Caching rules: the first match decides, an object's own Cache-Control beats it unless it overrides, and
// names with a hash of their content are told from words and dates.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cachingSchema } from '../../src/config/site_rules.ts';
import { cachingBy } from '../../src/sites/caching.ts';

const rules = (...given: unknown[]) => given.map((rule) => cachingSchema.parse(rule));

test('the first rule that matches decides, and a path without one keeps what it has', () => {
  const caching = cachingBy(
    rules(
      { match: '/assets/**', value: 'immutable' },
      { match: '/live/*', value: 'no-store' },
      { match: '/*.html', maxAge: 60, sMaxAge: 600, staleWhileRevalidate: 30, staleIfError: 86400 },
      { match: '/assets/x', maxAge: 1 },
    ),
    false,
  );
  assert.equal(caching('/assets/x', undefined), 'public, max-age=31536000, immutable');
  assert.equal(caching('/live/a', undefined), 'no-store');
  const all = 'public, max-age=60, s-maxage=600, stale-while-revalidate=30, stale-if-error=86400';
  assert.equal(caching('/a.html', undefined), all);
  assert.equal(caching('/other', undefined), undefined);
});

test('what is recorded of an object stays, unless the rule overrides it', () => {
  const plain = cachingBy(rules({ match: '**', maxAge: 60 }), true);
  assert.equal(plain('/a', 'no-cache'), undefined);
  assert.equal(plain('/a-3f2a9c1b.js', 'no-cache'), undefined);
  const override = cachingBy(rules({ match: '**', maxAge: 60, override: true }), true);
  assert.equal(override('/a', 'no-cache'), 'public, max-age=60');
  assert.equal(override('/a-3f2a9c1b.js', undefined), 'public, max-age=60');
});

test('names with a hash may be kept for ever where that is asked for', () => {
  const hashed = cachingBy(rules({ match: '**', maxAge: 60 }), true);
  const names = [
    'app.3f2a9c1b.js',
    'index-BxK2a9_z.css',
    'vendor-B1xK2a9z.js.map',
    'a_0123456789abcdef.woff2',
  ];
  for (const name of names)
    assert.equal(hashed(`/x/${name}`, undefined), 'public, max-age=31536000, immutable', name);
  const words = [
    'jquery-download.js',
    'report-20240101.pdf',
    'app.min.js',
    'deadbeef.js',
    'photo-1080x1920.jpg',
  ];
  for (const name of [...words, 'README', 'a.CAPITALS.js', 'facade-accedebade.css'])
    assert.equal(hashed(`/x/${name}`, undefined), 'public, max-age=60', name);
  assert.equal(cachingBy([], false)('/app.3f2a9c1b.js', undefined), undefined);
});

test('a rule that contradicts itself, or says nothing, is refused', () => {
  for (const rule of [
    { value: 'no-store', maxAge: 60 },
    { value: 'immutable', sMaxAge: 0 },
    { staleWhileRevalidate: 60 },
    { override: true },
    {},
    { maxAge: -1 },
    { maxAge: 1.5 },
  ])
    assert.equal(cachingSchema.safeParse({ match: '**', ...rule }).success, false, JSON.stringify(rule));
});
