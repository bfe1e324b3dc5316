// Caches keep their connections to the origin over many requests, whatever the answers are. HEAD is not
// asked here: nginx and Varnish fetch the whole object for it, and close when they did not want the body.
// Nor is a body that is refused: what is left of it would be taken for the next request, so its connection
// ends.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { request, Wire } from '../support/wire.ts';
import { Origin } from './origin.ts';

const rounds = 10;
const most = 4;
const files = Object.fromEntries(Array.from({ length: rounds }, (_, i) => [`${i}.txt`, `file ${i}`]));
const origin = await Origin.start({ ...files, 'd/index.html': 'folder' }, [
  { host: 'www.test', bucket: 'web', redirects: [{ from: '/old/*', to: '/new/$1' }] },
  { host: 'up.test', protocol: 'objects' },
]);
const caches = await origin.caches();
after(() => origin.stop());
const token = `Authorization: Bearer ${origin.site.token}`;

/** Requests by the status of their answers; $ is another number each time. */
const asked: [status: number, method: string, target: string, host: string, ...more: string[]][] = [
  [200, 'GET', '/0.txt?$', 'www.test'],
  [404, 'GET', '/none/$', 'www.test'],
  [308, 'GET', '/old/$', 'www.test'],
  [301, 'GET', '/d?$', 'www.test'],
  [421, 'GET', '/$', 'other.test'],
  [204, 'OPTIONS', '/0.txt', 'www.test'],
  [201, 'PUT', '/o/web/put-$.txt', 'up.test', 'Content-Length: 5', token],
];

for (const cache of caches)
  test(`${cache.name}: ${rounds * asked.length} requests take at most ${most} connections`, async () => {
    const opened = () => origin.server.metric('sealgate_connections_accepted_total');
    const before = await opened();
    for (const [status, method, target, host, ...more] of asked) {
      const client = await Wire.open(cache.url);
      for (let i = 0; i < rounds; i++) {
        const numbered = target.replace('$', `${cache.name}-${i}`);
        client.send(request(method, numbered, `Host: ${host}`, ...more) + (method === 'PUT' ? 'hello' : ''));
        assert.equal((await client.response(method)).status, status, `${method} ${numbered}`);
      }
      client.close();
    }
    assert.ok((await opened()) - before <= most, `${(await opened()) - before} connections`);
  });
