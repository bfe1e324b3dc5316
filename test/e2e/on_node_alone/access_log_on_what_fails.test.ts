// A failing access log (stopped reader, full disk, closed pipe) does not affect the service. Written lines
// are complete; lost lines are counted and reported.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Diagnosis } from '../../../src/control/views.ts';
import { spawnCli, text } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { mountSmallDisk } from '../../support/small_disk.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
after(() => site.remove());
const content = join(site.dir, 'content');
await writeFile(content, 'x'.repeat(1000));
const lost = 'sealgate_access_log_dropped_lines_total';
const waiting = 'sealgate_access_log_waiting_bytes';

function start(accessLog: string): Promise<TestServer> {
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  return TestServer.start(site, ...listen, '--workers', '1', '--access-log', accessLog);
}

/** Sends requests in batches, each with a log line of some 7 KB. */
async function ask(server: TestServer, count: number): Promise<void> {
  const wire = await Wire.open(server.urls[1] ?? '');
  const target = `/o/files/none?${'%22'.repeat(2500)}`;
  for (let left = count; left > 0; left -= 50) {
    wire.send(request('GET', target).repeat(50));
    for (let i = 0; i < 50; i++) assert.equal((await wire.response()).status, 404);
  }
  wire.close();
}

// Samples are taken every few seconds.
async function diagnosed(server: TestServer): Promise<boolean> {
  const { symptoms } = (await (await fetch(`${server.control}/diagnosis`)).json()) as Diagnosis;
  return symptoms.some(({ name }) => name === 'access-log-loses-lines');
}

function whole(log: string): number {
  const lines = log.split('\n').slice(0, -1);
  for (const line of lines) assert.equal(typeof JSON.parse(line).status, 'number');
  assert.ok(log === '' || log.endsWith('\n'));
  return lines.length;
}

test('a FIFO whose reader stops: uploads are answered, lines are counted or whole', async () => {
  const fifo = join(site.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const server = await start(fifo);
  await ask(server, 1500);
  await until(
    () => server.metric(lost),
    (lines) => lines > 0,
    'lost lines',
  );
  const uploaded = await server.put('/o/files/beside-a-fifo', content);
  assert.equal(uploaded.status, 201);
  assert.ok((await server.metric(waiting)) > 4 * 2 ** 20);
  await until(
    server.log,
    (log) => /"level":40.*"lost":\d+.*lines of the access log were lost/.test(log),
    'a warning',
  );
  await until(() => diagnosed(server), Boolean, 'the symptom of dropped lines');
  const reader = await open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  let read = '';
  const buffer = Buffer.alloc(65_536);
  await until(
    async () => {
      const { bytesRead } = await reader.read(buffer).catch(() => ({ bytesRead: 0 }));
      read += buffer.toString('latin1', 0, bytesRead);
      return bytesRead > 0 ? 1 : server.metric(waiting);
    },
    (left) => left === 0,
    'all lines that waited',
  );
  const dropped = await server.metric(lost);
  // The upload and the requests: each line is written or counted as lost.
  assert.equal(whole(read) + dropped, 1501);
  await reader.close();
  assert.equal(await server.stop(), 0);
});

test('a full disk: requests are answered, lines are whole, and all there when there is room', async (t) => {
  const disk = await mountSmallDisk(4);
  if (typeof disk === 'string') return t.skip(disk);
  const log = join(disk.dir, 'access.log');
  const server = await start(log);
  await ask(server, 50);
  await until(
    () => readFile(log, 'utf8').then(whole),
    (lines) => lines === 50,
    'lines before',
  );
  await disk.leave(10_000);
  await ask(server, 100);
  await until(
    () => server.metric('sealgate_access_log_failing'),
    (failing) => failing === 1,
    'a failure',
  );
  whole(await readFile(log, 'utf8'));
  const said = /"level":40.*No space left on device.*the access log cannot be written/;
  await until(server.log, (all) => said.test(all), 'a warning');
  await until(() => diagnosed(server), Boolean, 'the symptom of a log that cannot be written');
  assert.equal((await server.put('/o/files/beside-a-full-disk', content)).status, 201);
  whole(await readFile(log, 'utf8'));
  await disk.makeRoom();
  await until(
    () => readFile(log, 'utf8').then(whole),
    (lines) => lines === 151,
    'all lines',
  );
  assert.equal(await server.metric(lost), 0);
  assert.equal(await server.stop(), 0);
  await disk.remove();
});

test('access log on standard output: nothing else is there, and the server outlives its reader', async () => {
  const args = ['--listen', 'http://127.0.0.1:0', '--control', 'http://127.0.0.1:0', '--access-log', '-'];
  const child = spawnCli(['serve', '--config', site.config, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, log] = [text(child.stdout), text(child.stderr)];
  const told = await until(log, (all) => all.includes('control http'), 'the addresses');
  const url = /listening (http:\S+)/.exec(told)?.[1] ?? '';
  const wire = await Wire.open(url);
  await wire.get('/o/files/none');
  await until(out, (all) => whole(all) === 1, 'a line');
  child.stdout?.destroy();
  for (let i = 0; i < 3; i++) assert.equal((await wire.get('/o/files/none')).status, 404);
  await until(log, (all) => /"failure":"write: Broken pipe"/.test(all), 'a warning');
  assert.equal((await wire.get('/o/files/none')).status, 404);
  wire.close();
  process.kill(child.pid ?? 0, 'SIGTERM');
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
});

test('lines of the last requests are written before the server ends', async () => {
  const log = join(site.dir, 'last.log');
  const server = await start(log);
  await ask(server, 50);
  assert.equal(await server.stop(), 0);
  assert.equal(whole(await readFile(log, 'utf8')), 50);
});

test('a server ends although nobody reads the FIFO of its log', async () => {
  const fifo = join(site.dir, 'unread');
  execFileSync('mkfifo', [fifo]);
  const server = await start(fifo);
  await ask(server, 200);
  assert.equal(await server.stop(), 0);
});

test('SIGUSR1 reopens the file', async () => {
  const log = join(site.dir, 'turned.log');
  const server = await start(log);
  await ask(server, 50);
  await until(
    () => readFile(log, 'utf8').then(whole),
    (lines) => lines === 50,
    'lines',
  );
  execFileSync('mv', [log, `${log}.1`]);
  process.kill(server.pid, 'SIGUSR1');
  await until(server.log, (all) => all.includes('the access log was opened again'), 'the log opened again');
  await ask(server, 50);
  await until(
    () => readFile(log, 'utf8').then(whole),
    (lines) => lines === 50,
    'lines in the new file',
  );
  assert.doesNotMatch(server.log(), /certificates read/);
  await server.stop();
});
