// Requests whose end a cache and the origin could see in different places. Each has another request hidden
// in its body: reaching the origin as one of its own it would lack what the cache puts into all that it
// sends on. The connections that are kept to the origin serve others afterwards, and nobody gets an answer
// to another request.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { request, Wire } from '../support/wire.ts';
import type { Cache } from './cache.ts';
import { type Framed, framings } from './framings.ts';
import { Origin } from './origin.ts';

const names = Array.from({ length: 8 }, (_, i) => `${i}.txt`);
const files = Object.fromEntries(names.map((name) => [name, `this is ${name}`]));
const origin = await Origin.start(files, [
  { host: 'www.test', bucket: 'web' },
  { host: 'up.test', protocol: 'objects' },
]);
const caches = await origin.caches();
after(() => origin.stop());

const token = `Authorization: Bearer ${origin.site.token}`;
/** Where bodies are refused, refused before they are read, and stored. */
const places: [method: string, target: string, ...fields: string[]][] = [
  ['POST', '/0.txt', 'Host: www.test'],
  ['GET', '/0.txt', 'Host: www.test'],
  ['PUT', '/o/web/refused', 'Host: up.test'],
  ['PUT', '/o/web/stored', 'Host: up.test', token],
];

const inner = (name: string) => request('GET', `/smuggled/${name}`, 'Host: www.test', 'User-Agent: attacker');

/** Milliseconds after which a cache is taken to wait for more of a body, which does not come. */
const patience = 2000;

/** Sends the bytes and resolves once something is answered, or nothing will be. */
async function attack(cache: Cache, bytes: string): Promise<void> {
  const wire = await Wire.open(cache.url);
  const answered = new Promise((resolve) => {
    wire.socket
      .once('data', resolve)
      .once('close', resolve)
      .setTimeout(patience, () => resolve('silence'));
  });
  wire.send(bytes);
  await answered;
  wire.close();
}

const attacks = places.flatMap(([method, target, ...fields], place) =>
  Object.entries(framings).map(([name, framed]: [string, Framed]) => {
    const [more, body] = framed(inner(`${place}-${name}`));
    return `${[`${method} ${target} HTTP/1.1`, ...fields, ...more].join('\r\n')}\r\n\r\n${body}`;
  }),
);

for (const cache of caches)
  test(`${cache.name}: none of ${attacks.length} requests in doubtful framing hides another`, async () => {
    for (let at = 0; at < attacks.length; at += 16) {
      await Promise.all(attacks.slice(at, at + 16).map((bytes) => attack(cache, bytes)));
      for (const name of names)
        assert.equal((await cache.get(`/${name}`, 'Host: www.test')).body.toString(), `this is ${name}`);
    }
    const lines = await origin.requests();
    const hidden = lines.filter(({ user_agent }) => user_agent === 'attacker');
    assert.deepEqual(hidden, []);
    // The caches themselves refuse the rest.
    const reached = lines.filter(
      (line) => line.user_agent === `through-${cache.name}` && line.method !== 'GET',
    );
    assert.ok(reached.length > 40, `${reached.length} bodies reached the origin`);
  });

test('a request that comes past the caches is seen in the log', async () => {
  const wire = await Wire.open(origin.server.urls[1] ?? '');
  wire.send(request('POST', '/0.txt', 'Host: www.test', 'Content-Length: 0') + inner('past'));
  await wire.response();
  await wire.response();
  wire.close();
  const lines = await origin.requests();
  assert.ok(lines.some(({ target, user_agent }) => user_agent === 'attacker' && target === '/smuggled/past'));
});
