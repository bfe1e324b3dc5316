// Clients that ask for much and then read nothing: they are cut after a while, take little memory until then,
// and hold nobody up.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { peakMemory, resetPeakMemory } from '../support/process.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request } from '../support/wire.ts';

const MiB = 1024 * 1024;
const site = await createSite({ limits: { stallTimeout: 1500 } });
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...both);
after(async () => {
  await server.stop();
  await site.remove();
});

// Larger than what the kernel keeps for both ends of a connection.
const bytes = randomBytes(64 * MiB);
await writeFile(join(site.dir, 'large'), bytes);
await server.put('/o/files/large', join(site.dir, 'large'));
await writeFile(join(site.dir, 'small'), 'small');
await server.put('/o/files/small', join(site.dir, 'small'));

const sending = () => server.metric('sealgate_connections{state="sending"}');
const stalls = () => server.metric('sealgate_write_stalls_total');

/** A client that takes a byte a second. */
function stopped(url: string, ...args: string[]): ChildProcess {
  const quiet = ['-s', '--http1.1', '--cacert', site.certificate, '--limit-rate', '1'];
  return spawn('curl', [...quiet, ...args, `${url}/o/files/large`], { stdio: 'ignore' });
}

for (const url of server.urls) {
  const { protocol } = new URL(url);

  test(`${protocol} clients in the middle of a large response`, async () => {
    const before = await stalls();
    const idle = await resetPeakMemory(server.pid);
    const count = 20;
    const clients = Array.from({ length: count }, () => stopped(url));
    await until(sending, (open) => open === count, 'responses under way');
    const whole = await server.curl('/o/files/large');
    assert.ok(whole.body.equals(bytes), 'others are served');
    await until(stalls, (total) => total === before + count, 'stalled connections');
    assert.equal(await sending(), 0);
    const taken = (await peakMemory(server.pid)) - idle;
    assert.ok(taken < 256 * MiB, `${taken} bytes for ${count} of them`);
    for (const client of clients) client.kill('SIGKILL');
  });
}

test('a client that pipelines and reads nothing', async () => {
  const before = await stalls();
  const idle = await resetPeakMemory(server.pid);
  const to = ['-connect', new URL(server.url).host, '-quiet', '-CAfile', site.certificate];
  const client = spawn('openssl', ['s_client', ...to], { stdio: ['pipe', 'pipe', 'ignore'] });
  client.stdin.on('error', () => {});
  client.stdin.write(request('GET', '/o/files/small').repeat(100_000));
  await until(stalls, (total) => total === before + 1, 'stalled connections');
  const taken = (await peakMemory(server.pid)) - idle;
  assert.ok(taken < 64 * MiB, `${taken} bytes`);
  client.kill('SIGKILL');
});

test('a client that reads on gets everything', async () => {
  const client = spawn('curl', ['-sS', '--cacert', site.certificate, `${server.url}/o/files/large`]);
  const pieces: Buffer[] = [];
  client.stdout.on('data', (piece: Buffer) => pieces.push(piece));
  client.stdout.pause();
  await until(sending, (open) => open === 1, 'responses under way');
  client.stdout.resume();
  const [status] = await once(client, 'close');
  assert.equal(status, 0);
  assert.ok(Buffer.concat(pieces).equals(bytes));
});
