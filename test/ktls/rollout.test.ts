// A rollout under load in a kernel with TLS: first everything is measured, then half of the clients become
// the canary; errors in the canary make the guard roll back with its evidence; without errors the guard
// raises the canary to everybody.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RolloutChange } from '../../src/config/rollout.ts';
import { recordClientFrom, suites } from '../support/record_client.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { sample } from './support.ts';

const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
const accessLog = join(site.dir, 'access.log');
// Minutes on a real server, seconds here.
const guard = {
  intervalSeconds: 0.5,
  windowSeconds: 20,
  minIntervals: 6,
  minResponses: 4,
  consecutive: 2,
  latencyRatio: 50,
  cpuRatio: 100,
  steps: [100],
  // Longer than the injection of errors takes, so that the guard does not take a step before them.
  stepSeconds: 40,
  stepConnections: 10,
  stepBytes: 1_000_000,
};
const ktls = { mode: 'auto', minBytes: 0 };
const rollout = { percent: 50 };
await writeFile(
  site.config,
  JSON.stringify({ ...config, ktls, guard, rollout, log: { ...config.log, access: accessLog } }),
);
const server = await TestServer.start(site, '--workers', '1');
const object = await sample(site, server, 'object', 60_000);

/** Clients that fetch in a loop, each from its own loopback address, until they are stopped. */
const addresses = Array.from({ length: 24 }, (_, index) => `127.0.0.${index + 10}`);
let loading = true;
const load = Promise.all(addresses.map(keepFetching));

after(async () => {
  loading = false;
  await load;
  await server.stop();
  await site.remove();
});

async function keepFetching(localAddress: string): Promise<void> {
  const ca = await readFile(site.certificate);
  while (loading) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress, ca });
    for (let round = 0; round < 5 && loading; round += 1) await fetchOnce(agent);
    agent.destroy();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function fetchOnce(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(server.url + object.path, { agent, servername: 'localhost' }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => (bytes === 60_000 ? resolve() : reject(new Error(`${bytes} bytes`))));
    });
    asked.on('error', reject);
    asked.end();
  });
}

interface View {
  phase: string;
  percent: number;
  changed: { who: string; why: string };
  rollback?: { lastNewConnectionSeconds: number };
  guard: { verdict: string; rollbacks: number; coolDownUntil?: string; intervals: number };
}

async function view(): Promise<View> {
  return (await (await fetch(`${server.control}/rollout`)).json()) as View;
}

function change(body: RolloutChange & { why: string; force?: boolean }): Promise<Response> {
  return fetch(`${server.control}/rollout`, { method: 'POST', body: JSON.stringify(body) });
}

const moved = () => server.metric('sealgate_ktls_connections_total');
const judged = (verdict: string) =>
  until(view, (seen) => seen.guard.verdict === verdict, `verdict ${verdict}`);

/** Addresses of the clients in the canary, from the access log. */
async function canaries(): Promise<string[]> {
  const lines = (await readFile(accessLog, 'utf8')).split('\n').filter(Boolean);
  const groups = new Map(lines.map((line) => JSON.parse(line)).map(({ peer, group }) => [peer, group]));
  return addresses.filter((address) => groups.get(address) === 'canary');
}

test('phase instrument: nothing moves, and both groups are measured', async () => {
  await judged('alike');
  assert.equal(await moved(), 0);
  assert.ok((await server.metric('sealgate_group_responses_total{group="canary"}')) > 0);
  assert.ok((await server.metric('sealgate_group_responses_total{group="control"}')) > 0);
  assert.ok((await server.metric('sealgate_ktls_fallbacks_total{reason="not-in-rollout"}')) > 0);
});

test('phase tx-canary: half of the clients are the canary, and only they move', async () => {
  assert.equal((await change({ phase: 'tx-canary', percent: 50, why: 'the groups were alike' })).status, 200);
  await until(moved, (count) => count > 20, 'connections that moved');
  const among = await canaries();
  assert.ok(among.length > 0 && among.length < addresses.length);
  const lines = (await readFile(accessLog, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('"tx":"kernel"'));
  assert.ok(lines.length > 0);
  for (const line of lines) assert.ok(among.includes(JSON.parse(line).peer), line);
});

test('errors only in the canary: the guard rolls back with its evidence', async () => {
  const suite = suites[0] ?? assert.fail();
  const [from = assert.fail()] = await canaries();
  // A canary client sends records that do not authenticate until the guard has seen enough of them.
  let failing = true;
  const client = async () => {
    while (failing)
      await recordClientFrom(from, server, suite, 'get', object.path, 'garbage', 'end').catch(() => {});
  };
  const clients = [client(), client(), client()];
  const seen = await until(view, ({ phase }) => phase === 'instrument', 'the rollback').finally(() => {
    failing = false;
  });
  await Promise.all(clients);
  assert.equal(seen.changed.who, 'guard');
  // The sum of errors or their single class, whichever becomes significant first.
  assert.match(
    seen.changed.why,
    /^errors(\.bad-record-mac)?: canary 0\.\d+ a response, control \S+ a response, p 0\.\d+/,
  );
  assert.equal(seen.guard.rollbacks, 1);
  assert.ok(seen.guard.coolDownUntil);
  assert.equal(await server.metric('sealgate_guard_rollbacks'), 1);
  const line =
    server
      .log()
      .split('\n')
      .find((each) => each.includes('rolls kernel TLS back')) ?? assert.fail();
  assert.match(JSON.parse(line).evidence[0].metric, /^errors/);
  assert.equal(JSON.parse(line).classes[0].class, 'bad-record-mac');
});

test('after the rollback no new connection moves into the kernel', async () => {
  // Earlier connections in the kernel have ended; fetches continue.
  const handshakes = () => server.metric('sealgate_tls_handshakes_total');
  const [before, count] = [await handshakes(), await moved()];
  await until(handshakes, (now) => now > before + 48, 'new connections');
  assert.equal(await moved(), count);
  const seconds = (await view()).rollback?.lastNewConnectionSeconds ?? assert.fail();
  assert.ok(seconds >= 0, `${seconds} s`);
});

test('raising the percentage during the cool-down needs force', async () => {
  const refused = await change({ phase: 'tx-canary', why: 'impatience' });
  assert.equal(refused.status, 409);
  assert.match(((await refused.json()) as { detail: string }).detail, /force/);
  assert.equal((await view()).phase, 'instrument');
});

test('without errors the guard raises the canary to all but the control group', async () => {
  const again = await change({ phase: 'rx', percent: 50, why: 'the client was fixed', force: true });
  assert.equal(again.status, 200);
  // A chance verdict restarts the wait of stepSeconds.
  const last = await until(view, ({ percent }) => percent === 100, 'the last step', 6 * 60_000);
  assert.equal(last.changed.who, 'guard');
  assert.match(last.changed.why, /alike/);
  assert.equal(last.phase, 'rx');
  await until(
    async () => (await canaries()).length,
    (count) => count >= addresses.length - 2,
    'all clients',
  );
});

test('every change is in the audit log', async () => {
  const lines = (await readFile(join(site.dir, 'audit.jsonl'), 'utf8')).trimEnd().split('\n');
  const changes = lines.map((line) => JSON.parse(line)).filter(({ action }) => action === 'rollout');
  const told = changes.map(({ who, state }) => `${who}: ${state.phase} ${state.percent}`);
  assert.deepEqual(told, [
    'configuration: instrument 50',
    'loopback: tx-canary 50',
    'guard: instrument 50',
    'loopback: rx 50',
    'guard: rx 100',
  ]);
});
