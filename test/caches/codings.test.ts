// Content codings by way of caches that heed Vary: each client gets what it accepts and is served from the
// cache, in the best coding also when the first answers that were kept had none, because it was just being
// made.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Response } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Origin } from './origin.ts';

const rows = Array.from({ length: 3000 }, (_, i) => `row ${i} of ${i % 7}`);
const text = `${rows.join('\n')}\n`;
/** What only this cache asks for, as a name is coded once: one kept for an hour, and one for a year. */
const ofCache = (name: string) => [`${name}.js`, `${name}.3f2a9c1b.js`];
const names = ['nginx', 'varnish', 'haproxy'].flatMap(ofCache);
const origin = await Origin.start(
  { 'app.js': text, ...Object.fromEntries(names.map((name) => [name, `${text}${name}`])) },
  [
    {
      host: 'www.test',
      bucket: 'web',
      compress: true,
      hashedNames: true,
      caching: [{ match: '/**', maxAge: 3600, staleWhileRevalidate: 3600 }],
    },
    {
      host: 'shared.test',
      bucket: 'web',
      compress: true,
      cors: { origins: ['https://a.test', 'https://b.test'] },
      caching: [{ match: '/**', maxAge: 3600 }],
      fields: [{ match: '/**', set: { Vary: 'X-Theme' } }],
    },
  ],
);
const caches = await origin.caches();
after(() => origin.stop());
const host = 'Host: www.test';
const decode: Record<string, (bytes: Buffer) => Buffer> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  identity: (bytes) => bytes,
};
const codingOf = ({ headers }: Response) => headers.get('content-encoding') ?? 'identity';

for (const coding of ['br', 'gzip'])
  await until(
    () => origin.server.curl('/app.js', '-H', host, '-H', `Accept-Encoding: ${coding}`),
    (answer) => codingOf(answer) === coding,
    `/app.js in ${coding}`,
  );

for (const cache of caches) {
  test(`${cache.name}: br, gzip and identity each go to whom they are for, from the cache`, async () => {
    const etags = new Set<string | undefined>();
    for (const coding of ['br', 'gzip', 'identity', 'gzip', 'br', 'identity']) {
      const answer = await cache.get('/app.js', host, `Accept-Encoding: ${coding}`);
      assert.equal(codingOf(answer), coding);
      assert.equal(decode[coding]?.(answer.body).toString(), text);
      etags.add(answer.headers.get('etag'));
    }
    assert.equal(etags.size, 3);
    const asked = (await origin.askedBy(cache)).filter(({ target }) => target === '/app.js');
    assert.equal(asked.length, 3, JSON.stringify(asked));
  });

  // HAProxy keeps nothing that varies by a field that it does not know.
  test(`${cache.name}: an answer for one origin, coding and theme is for no other`, async () => {
    for (const theme of ['dark', 'light', 'dark'])
      for (const coding of ['br', 'identity', 'gzip'])
        for (const from of ['https://a.test', 'https://b.test']) {
          const fields = [`Accept-Encoding: ${coding}`, `Origin: ${from}`, `X-Theme: ${theme}`];
          const answer = await cache.get('/app.js', 'Host: shared.test', ...fields);
          assert.deepEqual(
            [codingOf(answer), answer.headers.get('access-control-allow-origin')],
            [coding, from],
            `${fields}`,
          );
          assert.equal(decode[coding]?.(answer.body).toString(), text);
        }
    const asked = (await origin.askedBy(cache)).filter((line) => line.host === 'shared.test');
    assert.equal(asked.length, cache.name === 'haproxy' ? 18 : 12);
  });

  test(`${cache.name}: what it kept while a coding was being made gives way to the coding`, async () => {
    for (const name of ofCache(cache.name)) {
      const ask = () => cache.get(`/${name}`, host, 'Accept-Encoding: br');
      const first = await ask();
      assert.equal(codingOf(first), 'identity');
      const coded = await until(ask, (answer) => codingOf(answer) === 'br', `${name} in br`);
      assert.ok(coded.body.length < text.length / 4);
      assert.doesNotMatch(coded.headers.get('cache-control') ?? '', /s-maxage/);
    }
  });
}
