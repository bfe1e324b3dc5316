// Which answers caches keep: of a versioned bucket those that a caching rule speaks of, of what is not there
// what the site says, and nothing that readers need a token for.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Origin } from './origin.ts';

const files = { 'page.html': 'page', 'app.3f2a9c1b.js': 'let a;', 'moves.html': 'old', '404.html': 'none' };
const origin = await Origin.start(files, [
  { host: 'none.test', bucket: 'web' },
  { host: 'ruled.test', bucket: 'web', caching: [{ match: '/**', maxAge: 600 }] },
  { host: 'shared.test', bucket: 'web', caching: [{ match: '/**', maxAge: 0, sMaxAge: 600 }] },
  { host: 'hashed.test', bucket: 'web', hashedNames: true },
  { host: 'asked.test', bucket: 'web', caching: [{ match: '/**', value: 'revalidate' }] },
  { host: 'never.test', bucket: 'web', caching: [{ match: '/**', value: 'no-store' }] },
  { host: 'missing.test', bucket: 'web', notFound: '404.html', notFoundMaxAge: 60 },
  { host: 'token.test', bucket: 'web', auth: 'token', caching: [{ match: '/**', maxAge: 600 }] },
]);
const caches = await origin.caches();
after(() => origin.stop());

type Place = [host: string, target: string];
const kept: Place[] = [
  ['ruled.test', '/page.html'],
  ['hashed.test', '/app.3f2a9c1b.js'],
];
/** HAProxy keeps nothing with a status of an error or max-age=0. */
const keptByMost: Place[] = [
  ['shared.test', '/page.html'],
  ['missing.test', '/none'],
];
const notKept: Place[] = [
  ['none.test', '/page.html'],
  ['asked.test', '/page.html'],
  ['never.test', '/page.html'],
  ['ruled.test', '/none'],
];

for (const cache of caches) {
  /** What the cache did for each of three equal requests. */
  const thrice = async ([host, target]: Place) => {
    const states: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++)
      states.push((await cache.get(target, `Host: ${host}`)).headers.get('x-cache'));
    return states;
  };
  const places = cache.name === 'haproxy' ? kept : [...kept, ...keptByMost];

  test(`${cache.name}: what a rule lets it keep is fetched once, and then is a hit`, async () => {
    for (const place of places) assert.deepEqual(await thrice(place), ['MISS', 'HIT', 'HIT'], `${place}`);
    const asked = await origin.askedBy(cache);
    for (const [host, target] of places)
      assert.equal(asked.filter((line) => line.host === host && line.target === target).length, 1, host);
  });

  test(`${cache.name}: what no rule speaks of, or one forbids, is asked for each time`, async () => {
    for (const place of notKept) assert.ok(!(await thrice(place)).includes('HIT'), `${place}`);
    const asked = await origin.askedBy(cache);
    for (const [host, target] of notKept)
      assert.equal(asked.filter((line) => line.host === host && line.target === target).length, 3, host);
  });

  test(`${cache.name}: what a token opened is not kept for others`, async () => {
    const token = `Authorization: Bearer ${origin.site.token}`;
    for (let i = 0; i < 2; i++)
      assert.equal((await cache.get('/page.html', 'Host: token.test', token)).status, 200);
    assert.equal((await cache.get('/page.html', 'Host: token.test')).status, 401);
    assert.equal((await cache.get('/page.html', 'Host: token.test', token)).status, 200);
  });
}

test('without a rule replaced bytes are in the next answer of each cache', async () => {
  for (const cache of caches) await cache.get('/moves.html', 'Host: none.test');
  await origin.replace('moves.html', 'new');
  for (const cache of caches)
    assert.equal((await cache.get('/moves.html', 'Host: none.test')).body.toString(), 'new', cache.name);
});
