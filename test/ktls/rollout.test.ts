// A rollout as an operator runs it, under load in a kernel that has TLS: everything is measured first, half
// of the clients become the canary, errors in the canary alone make the guard roll back and say why, and the
// same without errors goes on to everybody.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RolloutChange } from '../../src/rollout_schema.ts';
import { recordClientFrom, suites } from '../support/record_client.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { sample } from './support.ts';

const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
const accessLog = join(site.dir, 'access.log');
// Everything that takes minutes on a real site takes seconds here.
const guard = {
  intervalSeconds: 0.5,
  windowSeconds: 20,
  minIntervals: 6,
  minResponses: 4,
  consecutive: 2,
  latencyRatio: 50,
  cpuRatio: 100,
  steps: [100],
  // Longer than it takes to inject errors, or the guard would go on before them.
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

/** Clients that fetch one after another, each from an address of its own, until they are stopped. */
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

/** Addresses of the clients that are in the canary, by the access log. */
async function canaries(): Promise<string[]> {
  const lines = (await readFile(accessLog, 'utf8')).split('\n').filter(Boolean);
  const groups = new Map(lines.map((line) => JSON.parse(line)).map(({ peer, group }) => [peer, group]));
  return addresses.filter((address) => groups.get(address) === 'canary');
}

test('at first nothing moves, and both groups are measured', async () => {
  await judged('alike');
  assert.equal(await moved(), 0);
  assert.ok((await server.metric('sealgate_group_responses_total{group="canary"}')) > 0);
  assert.ok((await server.metric('sealgate_group_responses_total{group="control"}')) > 0);
  assert.ok((await server.metric('sealgate_ktls_fallbacks_total{reason="not-in-rollout"}')) > 0);
});

test('half of the clients become the canary, and only they move', async () => {
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

test('errors in the canary alone make the guard roll back, with the evidence', async () => {
  const suite = suites[0] ?? assert.fail();
  const [from = assert.fail()] = await canaries();
  // Records that do not authenticate, from a client in the canary, until the guard has seen enough of them.
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
  // In all, or of the one class that there is: whichever is told apart from chance first.
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

test('after the rollback no new connection moves', async () => {
  // Those that were in the kernel have ended; fetches go on.
  const handshakes = () => server.metric('sealgate_tls_handshakes_total');
  const [before, count] = [await handshakes(), await moved()];
  await until(handshakes, (now) => now > before + 48, 'new connections');
  assert.equal(await moved(), count);
  const seconds = (await view()).rollback?.lastNewConnectionSeconds ?? assert.fail();
  assert.ok(seconds >= 0, `${seconds} s`);
});

test('going up again takes force while the guard waits', async () => {
  const refused = await change({ phase: 'tx-canary', why: 'impatience' });
  assert.equal(refused.status, 409);
  assert.match(((await refused.json()) as { detail: string }).detail, /force/);
  assert.equal((await view()).phase, 'instrument');
});

test('without errors it goes on to all but the control group by itself', async () => {
  const again = await change({ phase: 'rx', percent: 50, why: 'the client was fixed', force: true });
  assert.equal(again.status, 200);
  // A verdict by chance begins the wait of stepSeconds anew.
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
