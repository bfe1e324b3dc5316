// A stored answer that is over is asked about with its entity tag: the origin says 304, and the bytes come
// from the cache, until they were replaced. HAProxy asks for all of it anew, as it revalidates nothing.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { until } from '../support/wait.ts';
import { Origin } from './origin.ts';

const bytes = 'bytes of a versioned bucket\n'.repeat(100);
const origin = await Origin.start({ 'page.txt': bytes, 'moves.txt': bytes }, [
  { host: 'brief.test', bucket: 'web', caching: [{ match: '/**', maxAge: 1 }] },
  { host: 'long.test', bucket: 'web', caching: [{ match: '/**', maxAge: 600 }] },
]);
const caches = await origin.caches();
after(() => origin.stop());

for (const cache of caches.filter(({ name }) => name !== 'haproxy')) {
  test(`${cache.name}: an answer that is over is confirmed by 304 and sent from the cache`, async () => {
    await until(
      async () => {
        const answer = await cache.get('/page.txt', 'Host: brief.test');
        assert.equal(answer.body.toString(), bytes);
        return (await origin.log()).some(
          ({ user_agent, status }) => user_agent === `through-${cache.name}` && status === 304,
        );
      },
      (confirmed) => confirmed,
      'a 304 to the cache',
    );
  });
}

for (const cache of caches) {
  test(`${cache.name}: If-None-Match of a client is 304, answered by the cache alone`, async () => {
    const host = 'Host: long.test';
    const { headers } = await cache.get('/page.txt', host);
    const etag = headers.get('etag') ?? '';
    const answer = await cache.get('/page.txt', host, `If-None-Match: ${etag}`);
    assert.deepEqual([answer.status, answer.body.length, answer.headers.get('etag')], [304, 0, etag]);
    const other = await cache.get('/page.txt', host, 'If-None-Match: "other"');
    assert.deepEqual([other.status, other.body.toString()], [200, bytes]);
    const asked = await origin.askedBy(cache);
    assert.equal(asked.filter((line) => line.host === 'long.test').length, 1, JSON.stringify(asked));
  });
}

test('replaced bytes are sent by each cache once the stored answer is over', async () => {
  for (const cache of caches) await cache.get('/moves.txt', 'Host: brief.test');
  await origin.replace('moves.txt', 'new');
  for (const cache of caches) {
    const ask = () => cache.get('/moves.txt', 'Host: brief.test');
    await until(ask, ({ body }) => body.toString() === 'new', `${cache.name}: the new bytes`);
  }
});
