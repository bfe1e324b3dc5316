// Servers that share buckets over a real Ceph: what one stores is read through the others.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { Ceph } from '../support/ceph.ts';
import { SharingNode, sha256 } from '../support/sharing.ts';
import { until } from '../support/wait.ts';

const ceph = await Ceph.start();
const [one, two] = await Promise.all([SharingNode.start(ceph.url()), SharingNode.start(ceph.url())]);
after(async () => {
  await Promise.all([one.end(), two.end()]);
  await ceph.end();
});

/** Waits until a node answers with this: within the freshness of a second, and what a busy machine takes. */
function seen(node: SharingNode, path: string, body: string): Promise<string> {
  return until(
    () => node.get(path),
    (got) => got === body,
    `${path} is ${body}`,
  );
}

test('a PUT at one node is acknowledged when the store has it, and is read through the other', async () => {
  const { status } = await one.put('/o/web/a/b%20ü+.txt', 'hello', {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'max-age=7',
  });
  assert.equal(status, 201);
  assert.equal((await ceph.ask('GET', `sha256/${sha256('hello')}`)).body, 'hello');
  const got = await two.ask('GET', '/o/web/a/b%20ü+.txt');
  assert.equal(got.body.toString(), 'hello');
  assert.equal(got.headers.etag, `"${sha256('hello')}"`);
  assert.equal(got.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(got.headers['cache-control'], 'max-age=7');
});

test('a name overwritten and deleted at one node is so at the other after its freshness', async () => {
  await one.put('/o/web/moving', 'first');
  assert.equal(await two.get('/o/web/moving'), 'first');
  assert.equal((await one.put('/o/web/moving', 'second')).status, 200);
  await seen(two, '/o/web/moving', 'second');
  assert.equal((await two.ask('DELETE', '/o/web/moving')).status, 204);
  assert.equal(await two.get('/o/web/moving'), '410');
  await seen(one, '/o/web/moving', '410');
});

test('20 MB of one node reach 10 readers of the other by one fetch', async () => {
  const body = randomBytes(20_000_000);
  assert.equal((await one.put('/o/web/large', body)).status, 201);
  const before = await two.server.metric('sealgate_upstream_received_bytes_total{upstream="tier"}');
  const all = await Promise.all(Array.from({ length: 10 }, () => two.ask('GET', '/o/web/large')));
  for (const got of all) assert.equal(sha256(got.body), sha256(body));
  const taken = (await two.server.metric('sealgate_upstream_received_bytes_total{upstream="tier"}')) - before;
  assert.ok(taken < 20_100_000, `${taken} bytes came`);
});

test('of 8 PUTs of other bytes to a write-once name at two nodes, one is taken and 7 are 409', async () => {
  const nodes = [one, two, one, two, one, two, one, two];
  const statuses = await Promise.all(
    nodes.map(async (node, index) => (await node.put('/o/once/taken', `body ${index}`)).status),
  );
  assert.deepEqual(statuses.sort(), [201, 409, 409, 409, 409, 409, 409, 409]);
  assert.equal(await one.get('/o/once/taken'), await two.get('/o/once/taken'));
});

test('If-Match at a node that has an older version is compared with the newest of the store', async () => {
  await one.put('/o/web/conditional', 'v1');
  await two.get('/o/web/conditional');
  await one.put('/o/web/conditional', 'v2');
  const old = await two.put('/o/web/conditional', 'v3', { 'if-match': `"${sha256('v1')}"` });
  assert.equal(old.status, 412);
  const right = await two.put('/o/web/conditional', 'v3', { 'if-match': `"${sha256('v2')}"` });
  assert.equal(right.status, 200);
  assert.equal((await one.put('/o/web/conditional', 'x', { 'if-none-match': '*' })).status, 412);
});

test('8 writers at two nodes that count up by If-Match lose no step', async () => {
  await one.put('/o/web/counter', '0');
  const step = async (node: SharingNode) => {
    for (;;) {
      const { body, headers } = await node.ask('GET', '/o/web/counter');
      const put = await node.put('/o/web/counter', `${Number(body.toString()) + 1}`, {
        'if-match': headers.etag ?? '',
      });
      if (put.status === 200) return;
      assert.ok([412, 503].includes(put.status), `${put.status} ${put.body}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, index) => step(index % 2 ? one : two)));
  await seen(one, '/o/web/counter', '8');
});

test('COPY within a shared bucket, and from one that is not shared, is seen by the other node', async () => {
  await one.put('/o/own/here', 'not shared');
  for (const from of ['/o/own/here', '/o/web/a/b%20ü+.txt']) {
    const { status } = await one.ask('COPY', from, undefined, { destination: '/o/web/copy' });
    assert.ok([201, 204, 200].includes(status), `${status}`);
  }
  assert.equal(await two.get('/o/web/copy'), 'hello');
});

test('many names at once are refused with 501 in a shared bucket', async () => {
  const list = JSON.stringify({ entries: [{ name: 'x', digest: sha256('hello') }] });
  assert.equal((await one.put('/o/web/', list)).status, 501);
});

test('while the store is away what is here is served, the rest is 503; then all goes on', async () => {
  await one.put('/o/web/here', 'kept');
  assert.equal(await two.get('/o/web/here'), 'kept');
  await one.put('/o/web/elsewhere', 'not fetched');
  await ceph.stopGateway();
  assert.equal(await two.get('/o/web/here'), 'kept');
  assert.equal(await two.get('/o/web/elsewhere'), '503');
  const put = await two.put('/o/web/new', 'refused');
  assert.equal(put.status, 503);
  assert.ok(Number(put.headers['retry-after']) > 0);
  await ceph.startGateway();
  await seen(two, '/o/web/elsewhere', 'not fetched');
  assert.equal(await one.get('/o/web/new'), '404');
  await until(
    async () => (await two.put('/o/web/new', 'taken')).status,
    (status) => status === 201,
    'a PUT is taken',
  );
});

test('neither log has a key', () => {
  for (const node of [one, two]) assert.doesNotMatch(node.server.log(), /SEALSECRET|SEALACCESS|Signature=/);
});
