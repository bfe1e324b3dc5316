// Limits of requests: as many are let through as the limit says, whichever worker and version of HTTP they
// come by, kept or not; the others are told when to come again. Rates here are so low that no time passes in
// a test.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, type Response, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { Wire } from '../../support/wire.ts';

/** One a day on average: what is let through is the burst. */
const slow = { requests: 1, seconds: 86_400 };
const site = await createSite({
  buckets: { web: 'versioned' },
  log: { access: 'access.log' },
  sentinel: { intervalSeconds: 0 },
  trustedProxies: { from: ['127.0.0.1'] },
  sites: [
    { host: 'a.test', name: 'a', bucket: 'web' },
    { host: 'b.test', name: 'b', bucket: 'web' },
    { host: '*', path: '/up/', protocol: 'objects', name: 'up' },
  ],
});
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});
await writeFile(join(site.dir, 'a.txt'), 'hello');
assert.equal((await server.put('/up/o/web/a.txt', join(site.dir, 'a.txt'))).status, 201);

async function limit(rateLimits: object[]): Promise<{ settings: string[]; restart: string[] }> {
  const written = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...written, rateLimits }));
  const answer = await fetch(`${server.control}/reload`, { method: 'POST' });
  assert.equal(answer.status, 200);
  return (await answer.json()) as { settings: string[]; restart: string[] };
}

const from = (client: string) => `X-Forwarded-For: ${client}`;
const limited = (by: string) => server.metric(`sealgate_rate_limited_total{by="${by}"}`);

/** Answers to requests over so many connections, each of which has as many. */
async function ask(connections: number, each: number, ...fields: string[]): Promise<Response[]> {
  const answers = await Promise.all(
    Array.from({ length: connections }, async () => {
      const wire = await Wire.open(server.url);
      const out: Response[] = [];
      for (let i = 0; i < each; i++) {
        const answer = await wire.get('/a.txt', ...fields);
        out.push(answer);
      }
      wire.close();
      return out;
    }),
  );
  return answers.flat();
}

const passed = (answers: Response[]) => answers.filter(({ status }) => status === 200).length;

test('by address: two workers let the burst through together, the rest are told when to come', async () => {
  const { settings, restart } = await limit([{ name: 'clients', by: 'address', ...slow, burst: 30 }]);
  assert.deepEqual([settings, restart], [['rateLimits'], []]);
  const before = await limited('address');
  const answers = await ask(16, 10, 'Host: a.test', from('192.0.2.1'));
  assert.equal(passed(answers), 30);
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 130);
  for (const { headers, body } of refused) {
    const wait = Number(headers.get('retry-after'));
    assert.ok(wait > 80_000 && wait <= 86_400, `${wait}`);
    assert.equal(headers.get('ratelimit'), `"clients";r=0;t=${wait}`);
    assert.equal(headers.get('ratelimit-policy'), '"clients";q=30;w=2592000');
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(JSON.parse(body.toString()).title, 'rate-limited');
  }
  assert.equal((await limited('address')) - before, 130);
  const line = async () =>
    (await readFile(join(site.dir, 'access.log'), 'utf8'))
      .split('\n')
      .find((each) => each.includes('"status":429'));
  const { limit: name, peer } = JSON.parse((await until(line, Boolean, 'a line of the log')) ?? '');
  assert.deepEqual([name, peer], ['clients', '192.0.2.1']);
});

test('other clients have their own, and an IPv6 client has that of its /64', async () => {
  assert.equal(passed(await ask(1, 5, 'Host: a.test', from('192.0.2.2'))), 5);
  assert.equal(passed(await ask(1, 30, 'Host: a.test', from('2001:db8::1'))), 30);
  assert.equal(passed(await ask(1, 2, 'Host: b.test', from('2001:db8::ffff'))), 0);
  assert.equal(passed(await ask(1, 2, 'Host: a.test', from('2001:db8:0:1::1'))), 2);
});

test('HTTP/2, uploads and what no site serves count as well', async () => {
  const client = ['-H', from('192.0.2.1')];
  const over2 = await server.curl('/a.txt', '-H', 'Host: a.test', '--http2-prior-knowledge', ...client);
  assert.equal(over2.status, 429);
  assert.ok(over2.headers.has('retry-after'));
  assert.equal((await server.put('/up/o/web/b.txt', join(site.dir, 'a.txt'), ...client)).status, 429);
  assert.equal((await server.curl('/none', '-H', 'Host: none.test', ...client)).status, 429);
  assert.equal((await server.curl('/up/o/web/b.txt')).status, 404, 'nothing was stored');
});

test('by site: a site that is used up leaves the others alone', async () => {
  await limit([{ name: 'sites', by: 'site', ...slow, burst: 5 }]);
  assert.equal(passed(await ask(4, 5, 'Host: a.test')), 5);
  assert.equal(passed(await ask(1, 5, 'Host: b.test')), 5);
  assert.equal(await limited('site'), 15);
});

test('by token: each has its own, and who shows none does not count', async () => {
  await limit([{ name: 'tokens', by: 'token', ...slow, burst: 3 }]);
  assert.equal(passed(await ask(2, 5, 'Host: a.test', 'Authorization: Bearer one')), 3);
  assert.equal(passed(await ask(1, 2, 'Host: a.test', 'Authorization: Bearer two')), 2);
  assert.equal(passed(await ask(1, 10, 'Host: a.test')), 10);
  assert.equal(await limited('token'), 7);
});

test('two limits: a request counts by both, and the first that is used up refuses it', async () => {
  await limit([
    { name: 'one', by: 'address', ...slow, burst: 4 },
    { name: 'two', by: 'site', ...slow, burst: 100 },
  ]);
  const answers = await ask(1, 6, 'Host: b.test', from('192.0.2.9'));
  assert.equal(passed(answers), 4);
  assert.match(answers[5]?.headers.get('ratelimit') ?? '', /^"one"/);
});

test('read again: a limit that is larger lets more through, and none lets all', async () => {
  await limit([{ name: 'one', by: 'address', ...slow, burst: 10 }]);
  assert.equal(passed(await ask(1, 20, 'Host: b.test', from('192.0.2.9'))), 6);
  const { settings } = await limit([]);
  assert.deepEqual(settings, ['rateLimits']);
  assert.equal(passed(await ask(2, 20, 'Host: b.test', from('192.0.2.9'))), 40);
});

test('ten thousand strangers use up nothing of a client that asks before them, or after', async () => {
  await limit([{ name: 'flood', by: 'address', ...slow, burst: 3 }]);
  assert.equal(passed(await ask(1, 1, 'Host: a.test', from('198.51.100.1'))), 1);
  const wires = await Promise.all(Array.from({ length: 8 }, () => Wire.open(server.url)));
  let refused = 0;
  await Promise.all(
    wires.map(async (wire, at) => {
      for (let i = 0; i < 1250; i++) {
        const answer = await wire.get('/a.txt', 'Host: a.test', from(`10.${at}.${i >> 8}.${i & 255}`));
        refused += answer.status === 200 ? 0 : 1;
      }
      wire.close();
    }),
  );
  assert.equal(refused, 0);
  assert.equal(passed(await ask(1, 2, 'Host: a.test', from('198.51.100.1'))), 2);
  assert.equal(passed(await ask(1, 3, 'Host: a.test', from('198.51.100.2'))), 3);
  await limit([]);
});
