// Clients that ask for much and then read nothing: they are cut after a while, take little memory until then,
// and hold nobody up.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { peakMemory, resetPeakMemory } from '../support/process.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const MiB = 1024 * 1024;
const site = await createSite({ limits: { stallTimeout: 1500 } });
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...both);
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
// Larger than what the kernel keeps for both ends of a connection.
const bytes = randomBytes(64 * MiB);
await writeFile(join(site.dir, 'large'), bytes);
await server.put('/o/files/large', join(site.dir, 'large'));
await writeFile(join(site.dir, 'small'), 'small');
await server.put('/o/files/small', join(site.dir, 'small'));

const sending = () => server.metric('sealgate_connections{state="sending"}');
const stalls = () => server.metric('sealgate_write_stalls_total');

/** A client that has stopped reading before it asks. */
async function stopped(url: string, requests: string): Promise<Wire> {
  const wire = await Wire.open(url, trust);
  wire.socket.pause();
  wire.send(requests);
  return wire;
}

for (const url of server.urls) {
  const { protocol } = new URL(url);

  test(`${protocol} clients in the middle of a large response`, async () => {
    const before = await stalls();
    const idle = await resetPeakMemory(server.pid);
    const count = 20;
    const asked = request('GET', '/o/files/large');
    const wires = await Promise.all(Array.from({ length: count }, () => stopped(url, asked)));
    await until(sending, (open) => open === count, 'responses under way');
    const whole = await server.curl('/o/files/large');
    assert.ok(whole.body.equals(bytes), 'others are served');
    await until(stalls, (total) => total === before + count, 'stalled connections');
    assert.equal(await sending(), 0);
    const taken = (await peakMemory(server.pid)) - idle;
    assert.ok(taken < 64 * MiB, `${taken} bytes for ${count} of them`);
    for (const wire of wires) wire.close();
  });

  test(`${protocol} a client that pipelines and reads nothing`, async () => {
    const before = await stalls();
    const idle = await resetPeakMemory(server.pid);
    const wire = await stopped(url, request('GET', '/o/files/large').repeat(500));
    await until(stalls, (total) => total === before + 1, 'stalled connections');
    assert.ok((await peakMemory(server.pid)) - idle < 16 * MiB);
    wire.close();
  });
}

test('small responses that nobody reads stall as well', async () => {
  const before = await stalls();
  const wire = await stopped(server.url, '');
  const flood = request('GET', '/o/files/small').repeat(1000);
  const send = (error?: Error | null) => {
    if (!error) wire.socket.write(flood, send);
  };
  send();
  await until(stalls, (total) => total === before + 1, 'stalled connections');
  wire.close();
});

test('a client that reads on gets everything', async () => {
  const wire = await stopped(server.url, request('GET', '/o/files/large'));
  await until(sending, (open) => open === 1, 'responses under way');
  wire.socket.resume();
  assert.ok((await wire.response()).body.equals(bytes));
  wire.close();
});
