// The access log has a JSON line for each response: the request, the response, the delivery path and the
// reason for it. It contains no secret, and can be rotated by renaming.

import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const path = join(site.dir, 'access.log');
const content = join(site.dir, 'content');
await writeFile(content, 'x'.repeat(100_000));
const plain = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...plain, '--workers', '1', '--access-log', path);
after(async () => {
  await server.stop();
  await site.remove();
});

type Line = Record<string, string | number | boolean>;

async function lines(file = path): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** The log lines for a target, when there are `count` of them. */
const about = (target: string, count: number, file = path) =>
  until(
    async () => (await lines(file)).filter((line) => line.target === target),
    (found) => found.length === count,
    `lines about ${target}`,
  );

test('large responses to pipelined requests: one line each', async () => {
  await server.put('/o/files/large', content);
  const targets = ['/o/files/large?1', '/o/files/large?2', '/o/files/large?3'];
  for (const target of targets) assert.equal((await server.curl(target)).status, 200);
  const wire = await Wire.open(server.urls[1] ?? '');
  wire.send(targets.map((target) => request('GET', target, 'User-Agent: all at once')).join(''));
  for (const _ of targets) assert.equal((await wire.response()).body.length, 100_000);
  for (const target of targets) {
    const [, piped] = await about(target, 2);
    assert.deepEqual([piped?.method, piped?.user_agent, piped?.sent !== 0], ['GET', 'all at once', true]);
  }
  wire.close();
});

test('an upload and a download: their lines', async () => {
  await server.put('/o/files/a', content);
  await server.curl('/o/files/a', '-A', 'agent "quoted"');
  const [upload, download] = await about('/o/files/a', 2);
  assert.equal(upload?.method, 'PUT');
  assert.equal(upload?.status, 201);
  assert.equal(upload?.received, 100_000);
  assert.equal(download?.method, 'GET');
  assert.equal(download?.status, 200);
  assert.ok(Number(download?.sent) > 100_000);
  assert.equal(download?.delivery, 'tls-file');
  assert.equal(download?.seal, 'L1');
  assert.equal(download?.protocol, 'TLSv1.3');
  assert.match(String(download?.cipher), /^TLS_/);
  assert.notEqual(download?.tx, '');
  assert.equal(download?.user_agent, 'agent "quoted"');
  assert.match(String(download?.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Number(download?.duration_ms) >= Number(download?.first_byte_ms));
});

test('a refused request, and a malformed head: their lines', async () => {
  await server.curl('/o/files/none');
  const [refused] = await about('/o/files/none', 1);
  assert.equal(refused?.status, 404);
  const wire = await Wire.open(server.urls[1] ?? assert.fail());
  wire.send('GET / HTTP/1.1\r\nno colon\r\n\r\n');
  assert.equal((await wire.response()).status, 400);
  wire.close();
  const malformed = await until(lines, (all) => all.some(({ status }) => status === 400), 'a line with 400');
  const line = malformed.find(({ status }) => status === 400);
  assert.equal(line?.method, undefined);
  assert.equal(line?.protocol, undefined, 'it came in the clear');
});

test('a small object, from a new plan and from a kept one: their lines', async () => {
  await writeFile(join(site.dir, 'small'), 'small');
  await server.put('/o/files/small', join(site.dir, 'small'));
  await server.curl('/o/files/small');
  await server.curl('/o/files/small');
  const found = await about('/o/files/small', 3);
  assert.deepEqual(
    found.map(({ status }) => status),
    [201, 200, 200],
  );
});

test('traceparent of a request is logged, where it has its form', async () => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await server.curl('/o/files/named', '-H', `traceparent: ${trace}`);
  const [named] = await about('/o/files/named', 1);
  assert.equal(named?.trace, trace);
  assert.match(String(named?.group), /^(control|canary)$/);
  await server.curl('/o/files/own', '-H', 'traceparent: 00-forged-"}-01');
  const [own] = await about('/o/files/own', 1);
  assert.equal(own?.trace, undefined);
});

test('the access log holds no token', async () => {
  const text = await readFile(path, 'utf8');
  assert.ok(!text.includes(site.token));
  assert.ok(!server.log().includes(site.token));
});

test('SIGHUP after a rename: a new file is opened', async () => {
  await rename(path, `${path}.1`);
  process.kill(server.pid, 'SIGHUP');
  await until(() => server.log().includes('opened again'), Boolean, 'the log of the reload');
  await server.curl('/o/files/later');
  assert.equal((await about('/o/files/later', 1))[0]?.status, 404);
});

test('signals to a server without an access log: none is said to be opened', async () => {
  const other = await createSite();
  const silent = await TestServer.start(other, ...plain, '--workers', '1');
  process.kill(silent.pid, 'SIGHUP');
  await until(silent.log, (said) => said.includes('certificates read again'), 'the log of the reload');
  process.kill(silent.pid, 'SIGUSR1');
  await until(silent.log, (said) => said.includes('there is no access log'), 'the log of the signal');
  assert.ok(!silent.log().includes('opened again'));
  await silent.stop();
  await other.remove();
});
