// What media players say of their playback (CMCD, CTA-5004) with requests to a video site is in the access
// log and the metrics of that site, and is nothing to kept plans. Other sites do not read it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite({
  buckets: { films: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    { host: 'video.test', bucket: 'films', preset: 'video', name: 'films/main' },
    { host: 'plain.test', bucket: 'films', name: 'plain' },
  ],
});
const tree = join(site.dir, 'tree');
await mkdir(tree);
await writeFile(join(tree, '1.m4s'), Buffer.alloc(300_000, 1));
await runCli('import', tree, '--bucket', 'films', '--config', site.config);
const path = join(site.dir, 'access.log');
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...listen, '--access-log', path);
after(async () => {
  await server.stop();
  await site.remove();
});

type Line = Record<string, unknown>;

/** Asks for the segment, and answers with its line of the log. */
async function logged(host: string, query: string, ...args: string[]): Promise<Line> {
  const id = `test-${randomUUID()}`;
  const asked = await server.curl(`/1.m4s${query}`, '-H', `Host: ${host}`, '-A', id, ...args);
  assert.ok(asked.status < 400);
  const found = async () =>
    (await readFile(path, 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line.includes(id))
      .map((line) => JSON.parse(line) as Line);
  const [line = {}] = await until(found, ({ length }) => length === 1, 'the line of a request');
  return line;
}
const query = (said: string) => `?a=1&CMCD=${encodeURIComponent(said)}`;

test('the query CMCD is an object of the line and no more in its target, over HTTP/1.1 and 2', async () => {
  for (const version of ['--http1.1', '--http2']) {
    const line = await logged('video.test', query('br=3200,bs,ot=v,sid="6e2fb550"'), version);
    assert.deepEqual(line.cmcd, { br: 3200, bs: true, ot: 'v', sid: '6e2fb550' });
    assert.equal(line.target, '/1.m4s?a=1');
    assert.equal(line.cmcd_malformed, undefined);
  }
});

test('the four fields are one object of the line', async () => {
  const fields = ['CMCD-Object: ot=a', 'CMCD-Request: bl=900', 'CMCD-Status: bs', 'CMCD-Session: sf=d'];
  for (const version of ['--http1.1', '--http2']) {
    const line = await logged('video.test', '', version, ...fields.flatMap((each) => ['-H', each]));
    assert.deepEqual(line.cmcd, { ot: 'a', bl: 900, bs: true, sf: 'd' });
  }
});

test('what is malformed, long or holds line breaks leaves the line whole', async () => {
  const broken = await logged('video.test', query('ot=v,sid="x'));
  assert.deepEqual([broken.cmcd, broken.cmcd_malformed], [{ ot: 'v' }, true]);
  const lines = await logged('video.test', query('sid="a\n{\\"b"'));
  assert.deepEqual(lines.cmcd, { sid: 'a\n{"b' });
  const long = await logged('video.test', query(`sid="${'x'.repeat(5000)}"`));
  assert.deepEqual([long.cmcd, long.cmcd_malformed], [{}, true]);
});

test('a signature of what a player asks for next is not in the line', async () => {
  const next = encodeURIComponent('2.m4s?sg-signature=secret&x=1');
  for (const nor of [next, '2.m4s?sg-signature=secret&x=1']) {
    const line = await logged('video.test', query(`ot=v,nor="${nor}"`));
    assert.doesNotMatch(JSON.stringify(line), /secret/);
    assert.equal((line.cmcd as Line).ot, 'v');
  }
});

test('a site that is no video site does not read it', async () => {
  const line = await logged('plain.test', query('br=1'), '-H', 'CMCD-Status: bs');
  assert.equal(line.cmcd, undefined);
  assert.equal(line.target, `/1.m4s${query('br=1')}`);
});

test('requests that say different things are answered by one kept plan', async () => {
  await logged('video.test', '');
  const misses = await server.metric('sealgate_plan_cache_misses_total');
  for (let n = 0; n < 20; n++) await logged('video.test', query(`bl=${n}`), '-H', `CMCD-Request: mtp=${n}`);
  assert.equal(await server.metric('sealgate_plan_cache_misses_total'), misses);
});

test('metrics of the site count objects, starvation and what is malformed, and have buffers', async () => {
  const names = [
    'sealgate_cmcd_requests_total{site="films/main",object="video"}',
    'sealgate_cmcd_requests_total{site="films/main",object="none"}',
    'sealgate_cmcd_requests_total{site="films/main",object="other"}',
    'sealgate_cmcd_starved_requests_total{site="films/main"}',
    'sealgate_cmcd_startup_requests_total{site="films/main"}',
    'sealgate_cmcd_malformed_requests_total{site="films/main"}',
    'sealgate_cmcd_buffer_seconds_count{site="films/main"}',
    'sealgate_cmcd_buffer_seconds_bucket{site="films/main",le="4"}',
    'sealgate_cmcd_throughput_bits_per_second_sum{site="films/main"}',
    'sealgate_cmcd_live_latency_seconds_count{site="films/main"}',
  ];
  const counted = () => Promise.all(names.map((name) => server.metric(name)));
  const before = await counted();
  await logged('video.test', query('ot=v,bs,su,bl=3000,mtp=2000'));
  await logged('video.test', query('ot=x1,bl=(9000;v 8000;a),v=2,ltc=2500'));
  await logged('video.test', query('bl=1,'));
  const grown = (await counted()).map((value, at) => value - (before[at] ?? 0));
  assert.deepEqual(grown, [1, 1, 1, 1, 1, 1, 3, 2, 2_000_000, 1]);
  assert.equal(await server.metric('sealgate_cmcd_requests_total{site="plain"}'), 0);
});

test('a site that is read again without the preset no longer reads it, and keeps its totals', async () => {
  const name = 'sealgate_cmcd_requests_total{site="films/main"}';
  const before = await server.metric(name);
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  delete config.sites[0].preset;
  await writeFile(site.config, JSON.stringify(config));
  const answer = await fetch(`${server.control}/reload`, { method: 'POST' });
  assert.equal(answer.status, 200, await answer.text());
  assert.equal((await logged('video.test', query('ot=v'))).cmcd, undefined);
  assert.equal(await server.metric(name), before);
  config.sites[0].preset = 'video';
  await writeFile(site.config, JSON.stringify(config));
  await fetch(`${server.control}/reload`, { method: 'POST' });
  assert.deepEqual((await logged('video.test', query('ot=v'))).cmcd, { ot: 'v' });
  assert.equal(await server.metric(name), before + 1);
});
