// CORS by way of caches: each origin is answered for itself, also from what was kept for another, and a
// preflight passes through.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Origin } from './origin.ts';

const [one, two, other] = ['https://one.test', 'https://two.test', 'https://other.test'];
const origin = await Origin.start({ 'font.woff2': 'font', 'open.woff2': 'open' }, [
  {
    host: 'www.test',
    bucket: 'web',
    cors: { origins: [one, two] },
    caching: [{ match: '/**', maxAge: 600 }],
  },
  { host: 'open.test', bucket: 'web', cors: { origins: ['*'] }, caching: [{ match: '/**', maxAge: 600 }] },
]);
const caches = await origin.caches();
after(() => origin.stop());
const allowed = 'access-control-allow-origin';

for (const cache of caches) {
  test(`${cache.name}: each origin gets the answer for it, also one that is refused`, async () => {
    for (let times = 0; times < 2; times++)
      for (const [from, expected] of [
        [one, one],
        [two, two],
        [other, undefined],
        [undefined, undefined],
      ]) {
        const fields = from === undefined ? [] : [`Origin: ${from}`];
        const answer = await cache.get('/font.woff2', 'Host: www.test', ...fields);
        assert.deepEqual(
          [answer.status, answer.headers.get(allowed), answer.headers.get('vary')],
          [200, expected, 'Origin'],
          `${from}`,
        );
      }
  });

  test(`${cache.name}: a site for all origins has one answer, a hit for the second`, async () => {
    for (const [from, state] of [
      [one, 'MISS'],
      [two, 'HIT'],
      [undefined, 'HIT'],
    ]) {
      const fields = from === undefined ? [] : [`Origin: ${from}`];
      const { headers } = await cache.get('/open.woff2', 'Host: open.test', ...fields);
      assert.deepEqual([headers.get(allowed), headers.get('x-cache')], ['*', state]);
    }
  });

  test(`${cache.name}: a preflight passes through each time`, async () => {
    for (let times = 0; times < 2; times++) {
      const asks = [`Origin: ${two}`, 'Access-Control-Request-Method: GET'];
      const { status, headers } = await cache.ask('OPTIONS', '/font.woff2', 'Host: www.test', ...asks);
      assert.deepEqual([status, headers.get(allowed)], [204, two]);
    }
  });
}
