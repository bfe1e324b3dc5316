// What caches do with a stored answer that is over, as the site's rule says: stale-while-revalidate has it
// sent while a new one is fetched, stale-if-error while the origin is down. nginx knows both by itself,
// Varnish the first, which it also uses when the origin is down; HAProxy neither.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../support/wait.ts';
import { Origin } from './origin.ts';

const origin = await Origin.start({ 'moves.txt': 'old', 'page.txt': 'page', 'brief.txt': 'brief' }, [
  {
    host: 'www.test',
    bucket: 'web',
    caching: [
      { match: '/moves.txt', maxAge: 1, staleWhileRevalidate: 600 },
      { match: '/page.txt', maxAge: 1, staleWhileRevalidate: 600, staleIfError: 600 },
      { match: '/**', maxAge: 1 },
    ],
  },
]);
const caches = await origin.caches();
after(() => origin.stop());
const host = 'Host: www.test';
const stale = caches.filter(({ name }) => name !== 'haproxy');

for (const cache of stale)
  test(`${cache.name}: the answer that is over is sent at once, and the next one is new`, async () => {
    await origin.replace('moves.txt', 'old');
    await until(
      () => cache.get('/moves.txt', host),
      ({ body }) => body.toString() === 'old',
      'the old bytes',
    );
    await origin.replace('moves.txt', 'new');
    const seen: string[] = [];
    await until(
      async () => {
        const { status, body } = await cache.get('/moves.txt', host);
        assert.equal(status, 200);
        seen.push(body.toString());
        return seen.at(-1);
      },
      (body) => body === 'new',
      'the new bytes',
    );
    assert.equal(seen[0], 'old');
  });

test('the origin ends: what may be used then is sent, and all is fresh when it is back', async () => {
  for (const cache of caches)
    for (const path of ['/page.txt', '/brief.txt'])
      assert.equal((await cache.get(path, host)).status, 200, cache.name);
  await origin.server.stop();
  for (const cache of stale) {
    const ask = () => cache.get('/page.txt', host);
    const answer = await until(ask, isOver, `${cache.name}: an answer that is over`);
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'page'], cache.name);
  }
  for (const cache of caches) {
    const ask = () => cache.get('/brief.txt', host);
    const { status } = await until(ask, (answer) => answer.status >= 500, `${cache.name}: an error`);
    assert.ok([502, 503, 504].includes(status), `${cache.name}: ${status}`);
  }
  await origin.restart();
  for (const cache of caches)
    for (const path of ['/page.txt', '/brief.txt'])
      await until(
        () => cache.get(path, host),
        (answer) => answer.status === 200 && !isOver(answer),
        `${cache.name}: ${path} again`,
      );
});

/** nginx says so; Varnish tells the age, in seconds. */
function isOver({ headers }: { headers: Map<string, string> }): boolean {
  return headers.get('x-cache') === 'STALE' || Number(headers.get('age') ?? 0) > 1;
}
