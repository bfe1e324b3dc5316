// The rollout state survives restarts, is replaced by an edited configuration, refuses impossible changes,
// and is rolled back by a command, a request and a signal.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AuditEntry } from '../../src/rollout/audit_log.ts';
import type { RolloutView } from '../../src/rollout/rollout.ts';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
after(() => site.remove());

async function withServer(work: (server: TestServer) => Promise<void>, ...args: string[]): Promise<void> {
  const server = await TestServer.start(site, '--workers', '1', ...args);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

async function view(server: TestServer): Promise<RolloutView> {
  // The measurements change all the time, so they are left out.
  const { traffic: _, guard: __, ...state } = await (await fetch(`${server.control}/rollout`)).json();
  return state;
}
const command = (server: TestServer, ...args: string[]) =>
  runCli('rollout', ...args, '--config', site.config, '--control', server.control ?? '');

/** With --force, because the host may lack kernel TLS. */
const raise = (server: TestServer, ...args: string[]) => command(server, 'set', ...args, '--force');

async function audit(): Promise<AuditEntry[]> {
  const lines = (await readFile(join(site.dir, 'audit.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

test('the first start is in phase instrument', () =>
  withServer(async (server) => {
    const { phase, percent, control, changed } = await view(server);
    assert.deepEqual({ phase, percent, control }, { phase: 'instrument', percent: 5, control: 1 });
    assert.equal(changed.who, 'configuration');
  }));

test('a change by the command survives a restart', async () => {
  await withServer(async (server) => {
    const slice = ['--client', '192.0.2.0/24', '2001:db8::/32', '--server-name', '*.Example.org'];
    await raise(server, 'tx-canary', '--percent', '20', ...slice, '--why', 'the first canary');
  });
  await withServer(async (server) => {
    const { phase, percent, slice, changed } = await view(server);
    assert.deepEqual([phase, percent], ['tx-canary', 20]);
    assert.deepEqual(slice.clients, ['192.0.2.0/24', '2001:db8::/32']);
    assert.deepEqual(slice.serverNames, ['*.example.org']);
    assert.equal(changed.why, 'the first canary');
    assert.match(await command(server, 'show'), /^phase +tx-canary/);
  });
});

test('an invalid change is refused and changes nothing', () =>
  withServer(async (server) => {
    const before = await view(server);
    const refused: [string[], RegExp][] = [
      [['set', 'rx2'], /phase/],
      [['set', '--percent', '101'], /percent/],
      [['set', '--percent', 'all'], /--percent: expected a number, got .all./],
      [['set', '--client', '192.0.2.0/40'], /prefix/],
      [['set', '--server-name', 'a b'], /host name/],
      [['set', '--listener', 'https://192.0.2.1:1'], /is no listener; there are https:/],
      [['set', '--cipher', 'RC4'], /--cipher: /],
    ];
    for (const [args, reason] of refused)
      await assert.rejects(command(server, ...args, '--why', 'test'), reason);
    await assert.rejects(command(server, 'set', 'rx'), /--why/);
    assert.deepEqual(await view(server), before);
  }));

test('a command, a request and SIGUSR2 roll back', () =>
  withServer(async (server) => {
    const up = () => raise(server, 'rx', '--why', 'up');
    await up();
    assert.match(await command(server, 'back', '--why', 'pager'), /rolled back .*nothing moved since/);
    assert.equal((await view(server)).phase, 'instrument');
    await up();
    const body = JSON.stringify({ why: 'button' });
    const post = (what?: string) =>
      fetch(`${server.control}/rollout/rollback`, {
        method: 'POST',
        ...(what !== undefined && { body: what }),
      });
    assert.equal((await post('{"why":')).status, 400);
    assert.equal((await post(body)).status, 200);
    assert.equal((await view(server)).phase, 'instrument');
    await up();
    process.kill(server.pid, 'SIGUSR2');
    // A rollback is in force before it is on record.
    const lastSix = async () => (await audit()).slice(-6).map(({ who, why }) => `${who}: ${why}`);
    const told = await until(
      lastSix,
      (lines) => lines.at(-1) === 'signal: SIGUSR2',
      'the rollback on record',
    );
    assert.equal((await view(server)).phase, 'instrument');
    const ups = 'loopback: up';
    assert.deepEqual(told, [ups, 'loopback: pager', ups, 'loopback: button', ups, 'signal: SIGUSR2']);
  }));

test('a malformed change over HTTP: a sentence for each fault', () =>
  withServer(async (server) => {
    const refused = async (path: string, body: string) => {
      const response = await fetch(`${server.control}${path}`, { method: 'POST', body });
      assert.equal(response.status, 400);
      assert.equal(response.headers.get('Content-Type'), 'application/problem+json');
      return ((await response.json()) as { detail: string }).detail;
    };
    assert.equal(
      await refused('/rollout', '{"phase":"all","percent":150,"slice":{"minBytes":"x"},"shar":1}'),
      "phase: expected one of instrument, tx-canary, rx, hw-offload, got 'all'. " +
        "percent: expected at most 100, got '150'. slice.minBytes: expected a number, got 'x'. " +
        "why: expected text, got nothing. The body: there is no field 'shar'.",
    );
    assert.equal(await refused('/rollout', 'phase=rx'), 'The body: expected JSON.');
    assert.equal(await refused('/rollout', ''), 'The body: expected an object, got nothing.');
    assert.equal(await refused('/rollout/rollback', '{"why":""}'), "why: expected a reason, got ''.");
    assert.equal(await refused('/buckets', '5'), "The body: expected an object, got '5'.");
  }));

test('a rollback needs no reason', () =>
  withServer(async (server) => {
    await raise(server, 'rx', '--why', 'up');
    assert.match(await command(server, 'back'), /^phase +instrument/);
    assert.equal((await fetch(`${server.control}/rollout/rollback`, { method: 'POST' })).status, 200);
    assert.equal((await audit()).at(-1)?.why, 'asked to');
  }));

test('a phase without kernel TLS on the host is refused with the reason', () =>
  withServer(
    async (server) => {
      assert.deepEqual((await view(server)).ktls, { works: false, reason: 'ktls.mode is off' });
      const set = command(server, 'set', 'tx-canary', '--why', 'test');
      await assert.rejects(set, /ktls\.mode is off, so nothing would move/);
      assert.equal((await view(server)).phase, 'instrument');
      await command(server, 'set', '--percent', '30', '--why', 'for later');
      assert.match(
        await raise(server, 'tx-canary', '--why', 'all the same'),
        /nothing moves: ktls.mode is off/,
      );
      assert.match(
        await command(server, 'back'),
        /kernel +nothing sent over TLS, nothing received over TLS in/,
      );
    },
    ...['--ktls', 'off'],
  ));

test('an edited configuration replaces the recorded state', async () => {
  await withServer(async (server) => {
    await raise(server, 'rx', '--percent', '70', '--why', 'at run time');
  });
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(site.config, JSON.stringify({ ...config, rollout: { phase: 'tx-canary', percent: 10 } }));
  await withServer(async (server) => {
    const { phase, percent, changed } = await view(server);
    assert.deepEqual([phase, percent, changed.why], ['tx-canary', 10, 'the configuration was edited']);
  });
});
