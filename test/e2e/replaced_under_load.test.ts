// One process takes over from another: whoever asks meanwhile gets an answer, whatever happens to either.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { activated, announced, knock } from '../support/activated.ts';
import { Load } from '../support/load.ts';
import { outcome, spawnCli, text } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

/** How often a server is replaced, and by how many clients it is asked meanwhile (`make replacements`). */
const replacements = Number(process.env.REPLACEMENTS ?? 2);
const clients = Number(process.env.CLIENTS ?? 16);

const content = Buffer.alloc(1024, 'there ');

const site = await createSite({ buckets: { files: 'write-once', pages: 'versioned' } });
after(() => site.remove());
const file = join(site.dir, 'there');
await writeFile(file, content);

const started: TestServer[] = [];
after(async () => {
  for (const server of started) await server.stop('SIGKILL');
});

async function start(...args: string[]): Promise<TestServer> {
  const server = await TestServer.start(site, '--workers', '2', ...args);
  started.push(server);
  return server;
}

/** A server, and clients that ask it. */
async function underLoad(): Promise<{ server: TestServer; port: number; load: Load }> {
  const server = await start('--listen', 'http://127.0.0.1:0');
  const port = Number(new URL(server.url).port);
  return { server, port, load: await loadAt(port) };
}

async function loadAt(port: number): Promise<Load> {
  const put = await fetch(`http://127.0.0.1:${port}/o/files/there`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${site.token}` },
    body: content,
  });
  assert.ok([200, 201].includes(put.status));
  const quarter = clients / 4;
  const paths = {
    there: { path: '/o/files/there', content },
    moving: '/o/pages/moving',
    made: '/o/files/made',
  };
  const counts = { fresh: quarter, kept: quarter, http2: quarter, uploads: quarter };
  return new Load({ port, token: site.token, ...paths, ...counts });
}

const replacing = (port: number) => ['--workers', '2', '--listen', `http://127.0.0.1:${port}`, '--replace'];

const replace = (port: number) => start(...replacing(port));

/** The same site with other settings. */
async function siteWith(settings: Record<string, unknown>): Promise<typeof site> {
  const config = join(site.dir, 'other.json');
  await writeFile(
    config,
    JSON.stringify({ ...JSON.parse(await readFile(site.config, 'utf8')), ...settings }),
  );
  return { ...site, config };
}

/** Ends the load, and what it was for; all that was acknowledged is there. */
async function end(load: Load, server: TestServer): Promise<void> {
  await load.end();
  assert.deepEqual(load.lost, []);
  assert.deepEqual(await load.missing(), []);
  assert.equal(await server.stop(), 0);
}

/** Resolves when the clients were answered so many times more. */
async function answered(load: Load, more: number): Promise<void> {
  const enough = load.answered + more;
  await until(
    () => load.answered,
    (now) => now >= enough || load.lost.length > 0,
    'answers',
  );
}

const counted = ({ answered: all, acknowledged, lost }: Load) =>
  `${all} answers, ${acknowledged.length} uploads, ${lost.length} lost`;

const title = `${replacements} replacements under the load of ${clients} clients`;

test(`${title} lose no request`, async (t) => {
  const { server, port, load } = await underLoad();
  let serving = server;
  for (let count = 0; count < replacements; count++) {
    await answered(load, 200);
    const next = await replace(port);
    await answered(load, 200);
    assert.equal(await serving.ended(), 0, serving.log());
    assert.match(serving.log(), /another process has taken over/);
    serving = next;
  }
  await answered(load, 200);
  t.diagnostic(counted(load));
  await end(load, serving);
});

test(`${title} lose no request at a socket that systemd made`, async (t) => {
  const port = await freePort();
  const listen = ['--workers', '2', '--listen', `http://127.0.0.1:${port}`];
  const passed = ['-l', `127.0.0.1:${port}`, '--fdname=any'];
  const child = activated(site, passed, ...listen, '--control', 'http://127.0.0.1:0');
  const first = outcome(child);
  const started = announced(child);
  await knock(port);
  await started;
  const load = await loadAt(port);
  let serving: TestServer | undefined;
  for (let count = 0; count < replacements; count++) {
    await answered(load, 200);
    const next = await replace(port);
    await answered(load, 200);
    assert.equal(await (serving?.ended() ?? first.then(({ status }) => status)), 0, serving?.log());
    serving = next;
  }
  await answered(load, 200);
  t.diagnostic(counted(load));
  await end(load, serving as TestServer);
});

// A client has one request under way at a time, and what the killed process had of it is gone.
test(`${title}, the old process killed in the middle: none is refused, no upload is lost`, async (t) => {
  const { server, port, load } = await underLoad();
  let serving = server;
  for (let count = 0; count < replacements; count++) {
    await answered(load, 200);
    const next = TestServer.begin(site, ...replacing(port));
    await until(next.log, (log) => log.includes('the running server hands over'), 'the offer');
    process.kill(serving.pid, 'SIGKILL');
    serving = await next.started;
    started.push(serving);
  }
  await answered(load, 200);
  await load.end();
  t.diagnostic(`${counted(load)}, all by the end of ${replacements} processes`);
  assert.deepEqual(
    load.lost.filter((what) => !/ended (after|before)|ECONNRESET|EPIPE/.test(what)),
    [],
  );
  assert.ok(load.lost.length <= load.clients * replacements, counted(load));
  assert.deepEqual(await load.missing(), []);
  assert.equal(await serving.stop(), 0);
});

test('a new process that fails as it opens the store: the old one goes on and loses no request', async () => {
  const { server, port, load } = await underLoad();
  await answered(load, 200);
  const wrong = await siteWith({ buckets: { files: 'versioned', pages: 'versioned' } });
  await assert.rejects(
    TestServer.start(wrong, '--listen', `http://127.0.0.1:${port}`, '--replace'),
    /buckets\.files: declared is versioned, and the bucket is write-once/,
  );
  await answered(load, 200);
  assert.match(
    server.log(),
    /the process that was to take over has ended before it served; this one goes on/,
  );
  await end(load, server);
});

test('a process is replaced after another one has failed to', async () => {
  const { server, port, load } = await underLoad();
  const wrong = await siteWith({ buckets: { files: 'versioned', pages: 'versioned' } });
  await assert.rejects(TestServer.start(wrong, '--listen', `http://127.0.0.1:${port}`, '--replace'));
  const next = await replace(port);
  await answered(load, 200);
  assert.equal(await server.ended(), 0);
  await end(load, next);
});

test('an old process is killed while it hands over: the new one serves what was acknowledged', async () => {
  const { server, port, load } = await underLoad();
  await answered(load, 200);
  const starting = replace(port);
  await until(server.log, (log) => log.includes('another process takes over'), 'the hand-over');
  process.kill(server.pid, 'SIGKILL');
  const next = await starting;
  await load.end();
  assert.deepEqual(await load.missing(), []);
  assert.equal((await next.put('/o/files/after', file)).status, 201);
  assert.equal(await next.stop(), 0);
});

test('an old process that is killed before it hands over: the new one starts by itself', async () => {
  const server = await start('--listen', 'http://127.0.0.1:0');
  process.kill(server.pid, 'SIGSTOP');
  // The addresses of a process that is killed are taken a little longer than its connections last.
  const where = ['--listen', server.url, '--control', 'http://127.0.0.1:0'];
  const next = spawnCli(['serve', '--config', site.config, ...where, '--replace'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = text(next.stderr);
  const printed = text(next.stdout);
  const ended = once(next, 'exit');
  await until(log, (said) => said.includes('asks the running server to hand over'), 'a process that asks');
  process.kill(server.pid, 'SIGKILL');
  await until(printed, (said) => said.includes('control http'), 'a start');
  assert.match(log(), /has ended before it handed over.*\n.*this one starts by itself/);
  process.kill(next.pid ?? 0, 'SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

test('without a running server, --replace starts as ever', async () => {
  const server = await start('--listen', 'http://127.0.0.1:0', '--replace');
  await until(server.log, (log) => log.includes('no server of this store is running that'), 'log');
  assert.equal(await server.stop(), 0);
});
