// A build cache through a server: its bound and its bucket's time to live, what workers send by themselves,
// and what metrics say of it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { digestOf, file, message } from '../../support/action_results.ts';
import { sha256, TestCache } from '../../support/bazel.ts';
import { runCli } from '../../support/runtime.ts';
import { until } from '../../support/wait.ts';

const own = { sentinel: { intervalSeconds: 0 } };
const small = await TestCache.start({ bazel: { maxBytes: 1_000_000 }, name: 'small' }, own);
const cache = await TestCache.start({ name: 'plenty' }, own);
after(() => Promise.all([small.stop(), cache.stop()]));

const key = (index: number) => `ac/${sha256(`action ${index}`)}`;

test('a cache that is full takes what comes, and every result that it has is of use', async () => {
  const count = 30;
  for (let index = 0; index < count; index++) {
    const bytes = randomBytes(100_000);
    await small.store(bytes);
    assert.equal((await small.put(key(index), message(file('a', digestOf(bytes))))).status, 201);
  }
  const bytes = () => small.server.metric('sealgate_bucket_used_bytes{bucket="builds"}');
  await until(bytes, (size) => size <= 1_000_000, 'the bucket stays above its bound');
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) statuses.push((await small.ask('GET', key(index))).status);
  const hits = statuses.filter((status) => status === 200).length;
  assert.ok(hits >= 7 && hits <= 9, `${hits} hits`);
  assert.deepEqual(statuses, [...Array(count - hits).fill(404), ...Array(hits).fill(200)]);
  const of = (outcome: string) =>
    small.server.metric(`sealgate_build_cache_requests_total{kind="result",outcome="${outcome}"}`);
  assert.deepEqual(
    [await of('absent'), await of('incomplete'), await of('hit')],
    [count - hits, 0, hits],
    'results went before their blobs',
  );
  assert.ok((await small.server.metric('sealgate_mirror_evicted_objects_total{bucket="builds"}')) >= 40);
});

test('a blob larger than the bound is 413 and evicts nothing', async () => {
  const before = await small.server.metric('sealgate_bucket_used_bytes{bucket="builds"}');
  const bytes = randomBytes(1_100_000);
  const { status, body } = await small.put(`cas/${sha256(bytes)}`, bytes);
  assert.deepEqual(
    [status, body.toString()],
    [413, 'The build cache has no room for it, by its maxBytes or quota.\n'],
  );
  assert.equal(await small.server.metric('sealgate_bucket_used_bytes{bucket="builds"}'), before);
});

test('a result and its blob that are asked for again run no JavaScript', async () => {
  const hex = await cache.store('for workers');
  const path = `ac/${sha256('kept')}`;
  await cache.put(path, message(file('a', digestOf('for workers'))));
  const asked = () => cache.server.metric('sealgate_application_latency_seconds_count');
  for (const each of [path, `cas/${hex}`]) assert.equal((await cache.ask('GET', each)).status, 200);
  const before = await asked();
  for (let round = 0; round < 5; round++)
    for (const each of [path, `cas/${hex}`]) assert.equal((await cache.ask('GET', each)).status, 200);
  assert.equal(await asked(), before);
});

test('a result is 404 from when a blob ends that it names, though a worker has its plan', async () => {
  const timed = await TestCache.start({}, own);
  try {
    await runCli('bucket', 'set', 'builds', '--ttl', '3s', '--config', timed.site.config);
    const hex = await timed.store('ends');
    await setTimeout(2000);
    const path = `ac/${sha256('ends')}`;
    await timed.put(path, message(file('a', digestOf('ends'))));
    assert.equal((await timed.ask('GET', path)).status, 200);
    await setTimeout(1500);
    assert.equal((await timed.ask('GET', path)).status, 404);
    assert.equal((await timed.ask('GET', `cas/${hex}`)).status, 404);
  } finally {
    await timed.stop();
  }
});

test('metrics tell requests by what came of them, and the bytes that were stored', async () => {
  const counted = await TestCache.start({ name: 'counted' }, own);
  try {
    const { length } = message(file('a', digestOf('1')));
    await counted.store('1');
    await counted.store('1');
    await counted.put(`cas/${sha256('2')}`, 'other');
    await counted.put(key(1), message(file('a', digestOf('1'))));
    await counted.put(key(2), message(file('a', digestOf('2'))));
    await counted.put(key(3), 'no result');
    for (const path of [key(1), key(2), key(4), `cas/${sha256('1')}`, `cas/${sha256('2')}`])
      await counted.ask('GET', path);
    const total = (kind: string, outcome: string) =>
      counted.server.metric(
        `sealgate_build_cache_requests_total{site="counted",kind="${kind}",outcome="${outcome}"}`,
      );
    const totals = async (kind: string, ...outcomes: string[]) =>
      Object.fromEntries(await Promise.all(outcomes.map(async (each) => [each, await total(kind, each)])));
    assert.deepEqual(await totals('result', 'hit', 'absent', 'incomplete', 'stored', 'known', 'refused'), {
      ...{ hit: 1, absent: 1, incomplete: 1, stored: 2, known: 0, refused: 1 },
    });
    assert.deepEqual(await totals('blob', 'hit', 'absent', 'stored', 'known', 'refused'), {
      ...{ hit: 1, absent: 1, stored: 1, known: 1, refused: 1 },
    });
    assert.equal(await counted.server.metric('sealgate_build_cache_stored_bytes_total'), 1 + 2 * length);
  } finally {
    await counted.stop();
  }
});
