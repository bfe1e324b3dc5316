// A mirror whose upstream is offline by its configuration, and one that is started again: who is asked, and
// what is sent.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, beforeEach, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { startUpstream } from '../support/upstream.ts';

const upstream = await startUpstream((request, response) => {
  if (request.url === '/none') return void response.writeHead(404).end();
  response.writeHead(200, { etag: '"1"', 'cache-control': 'max-age=3600' }).end(request.url);
});
let site: Site;
let server: TestServer;
const start = async () => {
  server = await TestServer.start(site, '--workers', '1');
};
const offline = async (isOffline: boolean) => {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  config.upstreams.first.offline = isOffline;
  await writeFile(site.config, JSON.stringify(config));
  assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
};
before(async () => {
  const mirror = {
    rules: [{ match: '/m/now/**', freshSeconds: 0 }],
    staleIfErrorSeconds: 0,
    negativeSeconds: 0,
  };
  site = await createSite({
    buckets: { mirror: 'versioned' },
    drain: { lameDuckSeconds: 0, graceSeconds: 1 },
    upstreams: { first: { url: upstream.url }, second: { url: `${upstream.url}second/` } },
    sites: [
      {
        ...{ path: '/m/', protocol: 'mirror', bucket: 'mirror', upstreams: ['first', 'second'] },
        ...{ cacheStatus: true, mirror },
      },
    ],
  });
  await start();
});
after(async () => {
  await server.stop();
  await site.remove();
  upstream.close();
});
beforeEach(() => {
  upstream.asked.length = 0;
});

test('offline, what is kept is sent however old it is, the rest is 503, and nobody is asked', async () => {
  assert.equal((await server.curl('/m/now/a')).body.toString(), '/now/a');
  await offline(true);
  upstream.asked.length = 0;
  const { status, body, headers } = await server.curl('/m/now/a');
  assert.deepEqual([status, body.toString()], [200, '/now/a']);
  assert.match(headers.get('cache-status') ?? '', /^mirror; hit; detail=offline/);
  assertProblem(await server.curl('/m/now/b'), 503, 'upstream-offline');
  assert.deepEqual(upstream.asked, []);
  assert.equal(await server.metric('sealgate_upstream_fetches_total{upstream="first",outcome="offline"}'), 1);
});

test('a reload that takes it back has the upstream asked again', async () => {
  await offline(true);
  await offline(false);
  assert.equal((await server.curl('/m/now/b')).status, 200);
  assert.deepEqual(upstream.asked, ['GET /now/b']);
});

test('what was fresh before a restart is sent after it unasked, and what was not is asked for', async () => {
  for (const path of ['/m/hour', '/m/now/c']) assert.equal((await server.curl(path)).status, 200);
  assert.equal(await server.stop(), 0);
  await start();
  upstream.asked.length = 0;
  for (const path of ['/m/hour', '/m/now/c']) assert.equal((await server.curl(path)).status, 200);
  assert.deepEqual(upstream.asked, ['GET /now/c']);
});
