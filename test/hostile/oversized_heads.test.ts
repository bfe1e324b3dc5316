// Heads that do not end: target, fields and their number are bounded, and so is the memory they take.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { peakMemory, resetPeakMemory } from '../support/process.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const KiB = 1024;
const site = await createSite({ limits: { headTimeout: 60_000 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');

async function refused(head: string, status: number, title: string): Promise<void> {
  const wire = await Wire.open(server.url, trust);
  wire.send(head);
  assertProblem(await wire.response(), status, title);
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
}

const fields = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: ${i}`);

test('a target of 8 KiB is answered', async () => {
  const wire = await Wire.open(server.url, trust);
  const { status } = await wire.get(`/${'a'.repeat(8 * KiB - 1)}`);
  assert.equal(status, 404);
  wire.close();
});

test('a target of 8 KiB and a byte: 414 target-too-long', () =>
  refused(request('GET', `/${'a'.repeat(8 * KiB)}`), 414, 'target-too-long'));

test('a target without end is refused before it ends', () =>
  refused(`GET /${'a'.repeat(100 * KiB)}`, 414, 'target-too-long'));

test('100 fields are read, Host being one', async () => {
  const wire = await Wire.open(server.url, trust);
  assert.equal((await wire.get('/', ...fields(99))).status, 200);
  wire.close();
});

test('101 fields: 431 head-too-large', () =>
  refused(request('GET', '/', ...fields(100)), 431, 'head-too-large'));

test('a field of 30 KiB is read', async () => {
  const wire = await Wire.open(server.url, trust);
  assert.equal((await wire.get('/', `X: ${'a'.repeat(30 * KiB)}`)).status, 200);
  wire.close();
});

test('a field of 33 KiB: 431 head-too-large', () =>
  refused(request('GET', '/', `X: ${'a'.repeat(33 * KiB)}`), 431, 'head-too-large'));

test('fields without end are refused before they end', () =>
  refused(`${request('GET', '/').trimEnd()}\r\n${'X: y\r\n'.repeat(20_000)}`, 431, 'head-too-large'));

test('a field name without end is refused', () =>
  refused(`GET / HTTP/1.1\r\n${'X'.repeat(100 * KiB)}`, 431, 'head-too-large'));

test('hundreds of heads that stop just before the limit take little memory', async () => {
  const idle = await resetPeakMemory(server.pid);
  const head = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(31 * KiB)}`;
  const count = 200;
  const wires = await Promise.all(Array.from({ length: count }, () => Wire.open(server.url, trust)));
  for (const wire of wires) wire.send(head);
  const heads = () => server.metric('sealgate_connections{state="head"}');
  await until(heads, (open) => open === count, 'heads under way');
  // The head and what TLS needs for a connection, several times over.
  const taken = (await peakMemory(server.pid)) - idle;
  assert.ok(taken < count * 256 * KiB, `${taken} bytes for ${count} heads`);
  for (const wire of wires) wire.close();
  await until(heads, (open) => open === 0, 'heads under way');
});

test('after oversized heads the server serves', async () => {
  assert.equal((await server.curl('/')).status, 200);
});
