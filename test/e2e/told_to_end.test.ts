// Signals end the server whatever has become of its terminal, its output or its main thread; everything else
// leaves it serving.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cliCommand, root, runtime, runtimeArguments, spawnCli, text } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ drain: { graceSeconds: 60 } });
after(() => site.remove());
const serve = ['serve', '--config', site.config, '--control', 'http://127.0.0.1:0', '--workers', '2'];
const listen = [...serve, '--listen', 'http://127.0.0.1:0'];

/**
 * Numbers of a signal caught from the first moment on, and by no runtime itself, and of SIGUSR2, which
 * is caught once it serves. Node catches SIGUSR1 and SIGTERM by itself, Deno SIGHUP and SIGTERM.
 */
const [first, rollBack] = [runtime === 'node' ? 1 : 10, 12];

// A command line with a bug: at SIGWINCH its main thread throws an error or rejects a promise.
const faulty = join(site.dir, 'faulty.mjs');
await writeFile(
  faulty,
  `process.on('SIGWINCH', () => {
    const fault = new Error('a fault of the test');
    if (process.env.FAULT === 'rejection') void Promise.reject(fault);
    else throw fault;
  });
  await import(${JSON.stringify(`${root}src/cli.ts`)});`,
);

/** Milliseconds after which an end counts as hanging, even on a loaded machine. */
const soon = 30_000;

/** Resolves with the exit status; kills the process and fails when it does not end in time. */
async function end(child: ChildProcess, within = soon): Promise<number | NodeJS.Signals> {
  const late = setTimeout(() => child.kill('SIGKILL'), within);
  const [status, signal] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode, null];
  clearTimeout(late);
  return status ?? signal;
}

/**
 * Whether the server handles the signal (proc(5)). A child that was just forked still has its parent's
 * handlers.
 */
async function catches(pid: number, signal: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
  if (!command.includes('\0serve\0')) return false;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const mask = BigInt(`0x${/^SigCgt:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return ((mask >> BigInt(signal - 1)) & 1n) === 1n;
}

/** The port that the server prints or logs. */
async function portOf(printed: () => string): Promise<number> {
  const line = /listening http:\/\/127\.0\.0\.1:(\d+)\n/;
  const told = await until(printed, (all) => line.test(all), 'the address');
  return Number(line.exec(told)?.[1]);
}

test('a second SIGTERM during a request ends the server at once', async () => {
  const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
  const wire = await Wire.open(server.url);
  wire.send('GET / HTTP/1.1\r\nHost: a\r\n');
  const heads = () => server.metric('sealgate_connections{state="head"}');
  await until(heads, (count) => count === 1, 'a head under way');
  process.kill(server.pid, 'SIGTERM');
  await until(server.log, (log) => log.includes('draining'), 'the first signal in the log');
  const begun = performance.now();
  assert.equal(await server.stop(), 143);
  assert.ok(performance.now() - begun < soon);
  assert.match(server.log(), /"level":40.*"signal":"SIGTERM".*a second signal: the server ends at once/);
  wire.close();
});

test('SIGTERM during the start ends the server at once', async () => {
  const child = spawnCli(listen, { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = text(child.stdout);
  await until(() => catches(child.pid ?? 0, first), Boolean, 'signals caught');
  assert.equal(printed(), '');
  process.kill(child.pid ?? 0, 'SIGTERM');
  assert.equal(await end(child), 143);
  assert.equal(printed(), '');
});

test('SIGTERM at the first connection ends the server in order: its store is closed', async () => {
  const port = await freePort();
  const child = spawnCli([...serve, '--listen', `http://127.0.0.1:${port}`], { stdio: 'ignore' });
  const taken = async () => {
    const socket = connect(port, '127.0.0.1');
    return once(socket, 'connect').then(
      () => socket.destroy(),
      () => undefined,
    );
  };
  await until(taken, (socket) => socket !== undefined, 'a connection');
  process.kill(child.pid ?? 0, 'SIGTERM');
  assert.ok([0, 143].includes(Number(await end(child))));
  const left = await readdir(join(site.dir, 'store', 'meta'));
  assert.ok(left.includes('closed'), left.join(' '));
  const beside = await readdir(join(site.dir, 'store'));
  assert.deepEqual(
    beside.filter((name) => name.startsWith('server.json')),
    [],
  );
});

test('SIGTERM during the start ends a server that is process 1', async (t) => {
  const [program, args] = cliCommand(listen);
  const child = spawn('unshare', ['-pf', '--mount-proc', '--kill-child', program, ...args]);
  const errors = text(child.stderr);
  const inner = async () => {
    const list = `/proc/${child.pid}/task/${child.pid}/children`;
    return Number((await readFile(list, 'utf8').catch(() => '')).trim());
  };
  const pid = await Promise.race([until(inner, (found) => found > 0, 'process 1'), once(child, 'exit')]);
  if (typeof pid !== 'number') return t.skip(`no process namespace here: ${errors()}`);
  await until(() => catches(pid, first), Boolean, 'signals caught');
  process.kill(pid, 'SIGTERM');
  assert.equal(await end(child), 143);
});

for (const what of ['an uncaught error', 'a rejection that nobody handles']) {
  test(`${what} in the main thread is logged and ends the server`, async () => {
    const child = spawn(process.execPath, [...runtimeArguments(), faulty, ...listen], {
      env: { ...process.env, FAULT: what.includes('rejection') ? 'rejection' : 'error' },
    });
    const [printed, log] = [text(child.stdout), text(child.stderr)];
    await portOf(printed);
    // Not child.kill(): Deno takes a signal that it sent for the one that ended the child.
    process.kill(child.pid ?? 0, 'SIGWINCH');
    assert.equal(await end(child), 1, log());
    assert.match(log(), /"level":60.*a fault of the test/);
  });
}

test('closed standard output and standard error do not end the server', async () => {
  const child = spawnCli(listen, { stdio: ['ignore', 'pipe', 'pipe'] });
  const port = await portOf(text(child.stdout));
  child.stdout?.destroy();
  child.stderr?.destroy();
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.kill(child.pid ?? 0, signal);
  const wire = await Wire.open(`http://127.0.0.1:${port}`);
  for (let i = 0; i < 5; i++) assert.equal((await wire.get('/o/files/none')).status, 404);
  wire.close();
  process.kill(child.pid ?? 0, 'SIGTERM');
  assert.equal(await end(child), 0);
});

test('standard output and standard error on a full disk do not end the server', async () => {
  const child = spawn('sh', ['-c', 'exec "$@" >/dev/full 2>/dev/full', 'sh', ...cliCommand(listen).flat()]);
  await until(() => catches(child.pid ?? 0, rollBack), Boolean, 'the server runs');
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.kill(child.pid ?? 0, signal);
  process.kill(child.pid ?? 0, 'SIGTERM');
  assert.equal(await end(child), 0);
});

test('a terminal hang-up does not end the server, SIGTERM does', async () => {
  // script(1) gives it a terminal; when it is killed, the terminal is hung up.
  const command = cliCommand(listen)
    .flat()
    .map((word) => `'${word}'`)
    .join(' ');
  const terminal = spawn('script', ['-qfec', `echo pid $$; exec ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const shown = text(terminal.stdout);
  const port = await portOf(() => shown().replaceAll('\r\n', '\n'));
  const pid = Number(/pid (\d+)/.exec(shown())?.[1]);
  terminal.kill('SIGKILL');
  await once(terminal, 'exit');
  process.kill(pid, 'SIGHUP');
  const wire = await Wire.open(`http://127.0.0.1:${port}`);
  for (let i = 0; i < 5; i++) assert.equal((await wire.get('/o/files/none')).status, 404);
  wire.close();
  process.kill(pid, 'SIGTERM');
  const gone = () =>
    readFile(`/proc/${pid}/stat`, 'utf8').then(
      (stat) => / Z /.test(stat),
      () => true,
    );
  await until(gone, Boolean, 'the end of the server');
});

test('SIGUSR1 opens no debugger, before it serves and while it serves', {
  skip: runtime !== 'node',
}, async () => {
  const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
  process.kill(server.pid, 'SIGUSR1');
  await until(server.log, (log) => log.includes('to open again'), 'the answer to SIGUSR1');
  assert.doesNotMatch(server.log(), /[Dd]ebugger/);
  const refused = await new Promise((resolve) => {
    connect(9229, '127.0.0.1')
      .on('connect', () => resolve(false))
      .on('error', () => resolve(true));
  });
  assert.equal(refused, true);
  const wire = await Wire.open(server.url);
  wire.send(request('GET', '/o/files/none'));
  assert.equal((await wire.response()).status, 404);
  wire.close();
  assert.equal(await server.stop(), 0);
});
