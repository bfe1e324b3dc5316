// Responses are counted by status class, method and delivery path; sizes of uploads and responses are
// histograms.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...both, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const text = async () => (await fetch(`${server.control}/metrics`)).text();

/** Series of a metric by their labels, without those that are zero. */
async function series(metric: string): Promise<Record<string, number>> {
  const found = [...(await text()).matchAll(/^(\w+)\{(.*)\} (\d+)$/gm)];
  const own = found.filter(([, name, , value]) => name === metric && value !== '0');
  return Object.fromEntries(own.map(([, , labels = '', value]) => [labels, Number(value)]));
}

const responses = () => series('sealgate_http_responses_total');

/**
 * The increments by labels caused by `act`; waits for `count` of them, since counting follows the response.
 */
async function added(count: number, act: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await responses();
  await act();
  const more = async () => {
    const now = Object.entries(await responses());
    return now.map(([key, n]) => [key, n - (before[key] ?? 0)] as const).filter(([, n]) => n !== 0);
  };
  const all = await until(more, (found) => found.reduce((sum, [, n]) => sum + n, 0) >= count, 'the counts');
  return Object.fromEntries(all);
}

const label = (status: string, method: string, delivery: string) =>
  `status="${status}",method="${method}",delivery="${delivery}"`;

test('uploads of 5, 4096 and 100,000 bytes: three 2xx of PUT, and their sizes', async () => {
  const sizes = [5, 4096, 100_000];
  const counted = await added(3, async () => {
    for (const size of sizes) {
      const file = join(site.dir, `content-${size}`);
      await writeFile(file, 'x'.repeat(size));
      await server.put(`/o/files/${size}`, file);
    }
  });
  assert.deepEqual(counted, { [label('2xx', 'PUT', 'tls-send')]: 3 });
  const buckets = await series('sealgate_request_size_bytes_bucket');
  assert.equal(buckets['le="4096"'], 2);
  assert.equal(buckets['le="65536"'], 2);
  assert.equal(buckets['le="262144"'], 3);
  assert.equal(buckets['le="+Inf"'], 3);
  assert.match(await text(), /^sealgate_request_size_bytes_sum 104101$/m);
});

test('GET and HEAD, small and large, with and without TLS: counted by delivery path', async () => {
  const counted = await added(5, async () => {
    for (const target of ['/o/files/5', '/o/files/5', '/o/files/100000']) await server.curl(target);
    await server.curl('/o/files/5', '--head');
    const wire = await Wire.open(server.urls[1] ?? '');
    wire.send(request('GET', '/o/files/100000'));
    assert.equal((await wire.response()).body.length, 100_000);
    wire.close();
  });
  assert.deepEqual(counted, {
    [label('2xx', 'GET', 'tls-send')]: 2,
    [label('2xx', 'GET', 'tls-file')]: 1,
    [label('2xx', 'HEAD', 'tls-send')]: 1,
    [label('2xx', 'GET', 'plain-sendfile')]: 1,
  });
  const sizes = await until(
    () => series('sealgate_response_size_bytes_bucket'),
    (found) => found['delivery="plain-sendfile",le="+Inf"'] === 1,
    'the size of the last response',
  );
  assert.equal(sizes['delivery="plain-sendfile",le="65535"'], undefined);
  assert.equal(sizes['delivery="plain-sendfile",le="262143"'], 1);
});

test('304, 404, unsupported and unknown methods, and a malformed head: counted', async () => {
  const counted = await added(5, async () => {
    await server.curl('/o/files/5', '-H', 'If-None-Match: *');
    await server.curl('/o/files/none');
    await server.curl('/o/files/5', '-X', 'PATCH');
    await server.curl('/o/files/5', '-X', 'BREW');
    const wire = await Wire.open(server.urls[1] ?? '');
    wire.send('GET / HTTP/1.1\r\nno colon\r\n\r\n');
    assert.equal((await wire.response()).status, 400);
    wire.close();
  });
  assert.equal(counted[label('3xx', 'GET', 'tls-send')], 1);
  assert.equal(counted[label('4xx', 'GET', 'tls-send')], 1);
  assert.equal(counted[label('4xx', 'none', 'plain-send')], 1);
  assert.equal(counted[label('4xx', 'other', 'tls-send')], 1);
  const total = Object.values(counted).reduce((sum, n) => sum + n, 0);
  assert.equal(total, 5, 'what a client calls its method makes no label');
});

test('an upload arrives within a second: that is in its completion, not in its first byte', async () => {
  const delivery = 'delivery="plain-send"';
  const took = async (what: string) => ({
    sum: await server.metric(`sealgate_response_${what}_seconds_sum{${delivery}}`),
    count: await server.metric(`sealgate_response_${what}_seconds_count{${delivery}}`),
  });
  const before = { first: await took('first_byte'), last: await took('completion') };
  const wire = await Wire.open(server.urls[1] ?? '');
  const fields = [`Authorization: Bearer ${site.token}`, 'Content-Length: 8'];
  wire.send(`${request('PUT', '/o/files/slow', ...fields)}half`);
  const pause = 1_000;
  await sleep(pause);
  wire.send('half');
  assert.equal((await wire.response()).status, 201);
  wire.close();
  const last = await until(
    () => took('completion'),
    ({ count }) => count === before.last.count + 1,
    'the upload is counted',
  );
  const first = await took('first_byte');
  const arriving = last.sum - before.last.sum - (first.sum - before.first.sum);
  assert.ok(arriving > (0.9 * pause) / 1000, `${arriving} s`);
});

test('without a body in memory: none of the 64 MiB for such bodies is taken', async () => {
  const exposition = await text();
  assert.match(exposition, /^sealgate_body_memory_bytes 0$/m);
  assert.match(exposition, /^sealgate_body_memory_limit_bytes 67108864$/m);
});
