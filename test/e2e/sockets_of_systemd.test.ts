// Sockets that systemd made and passed on are served, by name or by address. One that fits no listener, or
// from which no connection can be accepted, is an error at the start.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { cliCommand, outcome, root, runtime } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { programOf, withLibraries } from '../support/unpacked.ts';

const activate = programOf('systemd', 'usr/bin/systemd-socket-activate');
const { LD_LIBRARY_PATH: beside } = withLibraries(activate);
const libraries = `${beside}:${join(activate, '../../lib/x86_64-linux-gnu/systemd')}`;

const port = await freePort();
const own = await freePort();
const site = await createSite({
  listeners: [{ url: `http://127.0.0.1:${own}`, name: 'web' }],
  workers: 2,
});
after(() => site.remove());

/** `serve` under systemd-socket-activate, which starts it at the first connection, without its libraries. */
function activated(passed: string[], ...args: string[]): ChildProcess {
  const [program, words] = cliCommand(['serve', '--config', site.config, ...args]);
  return spawn(activate, [...passed, program, ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  });
}

/** Resolves when somebody listens there. */
async function knock(at: number | string): Promise<void> {
  for (let accepted = false; !accepted; ) {
    const socket = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1');
    accepted = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (!accepted) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resolves when the server has said where it listens. */
function announced(child: ChildProcess): Promise<unknown> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  return once(lines, 'line');
}

/** Not child.kill(): Deno takes a signal that it sent for the one that ended the child. */
function end({ pid }: ChildProcess): void {
  process.kill(pid ?? 0, 'SIGTERM');
}

async function served(passed: string[], ...args: string[]): Promise<void> {
  const child = activated(passed, '--control', 'http://127.0.0.1:0', ...args);
  const all = outcome(child);
  const started = announced(child);
  await knock(port);
  await started;
  for (let i = 0; i < 8; i++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { Connection: 'close' } });
    assert.equal(answer.status, 200);
  }
  end(child);
  const { status, stderr } = await all;
  assert.equal(status, 0, stderr);
}

test('a socket with the name of a listener: two workers serve it in place of the address', async () => {
  await served(['-l', `127.0.0.1:${port}`, '--fdname=web']);
});

test('a socket with the address of a listener and another name: two workers serve it', async () => {
  await served(['-l', `127.0.0.1:${port}`, '--fdname=any'], '--listen', `http://127.0.0.1:${port}`);
});

test('a unix socket by its path, and one by its name: served, and the file stays', async () => {
  const path = join(site.dir, 'passed.sock');
  for (const [passed, ...listen] of [
    [['-l', path, '--fdname=any'], '--listen', `unix:${path}`],
    [['-l', path, '--fdname=web']],
  ] as [string[], ...string[]][]) {
    await rm(path, { force: true });
    const child = activated(passed, '--control', 'http://127.0.0.1:0', ...listen);
    const all = outcome(child);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const started = once(lines, 'line');
    await knock(path);
    assert.deepEqual(await started, [`listening unix:${path}`]);
    for (let i = 0; i < 8; i++) {
      const asked = ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--unix-socket', path];
      const { stdout } = await outcome(spawn('curl', [...asked, 'http://localhost/']));
      assert.equal(stdout, '200');
    }
    end(child);
    const { status, stderr } = await all;
    assert.equal(status, 0, stderr);
    assert.ok(existsSync(path));
  }
});

test('--replace: the new process has the sockets that were passed to the old one', async () => {
  for (const name of ['web', 'any']) {
    const where = name === 'web' ? [] : ['--listen', `http://127.0.0.1:${port}`];
    const passed = ['-l', `127.0.0.1:${port}`, `--fdname=${name}`];
    const child = activated(passed, '--control', 'http://127.0.0.1:0', ...where);
    const all = outcome(child);
    const started = announced(child);
    await knock(port);
    await started;
    const second = await TestServer.start(site, ...where, '--replace');
    const { status, stderr } = await all;
    assert.equal(status, 0, stderr);
    const third = await TestServer.start(site, ...where, '--replace');
    assert.equal(await second.ended(), 0, second.log());
    assert.equal(third.url, `http://127.0.0.1:${port}`);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
    assert.equal(await third.stop(), 0);
  }
});

test("a socket that is no listener's: no start, and it is said which and what to do", async () => {
  const child = activated(['-l', `127.0.0.1:${port}`, '--fdname=other'], '--control', 'http://127.0.0.1:0');
  const all = outcome(child);
  await knock(port);
  const { status, stderr } = await all;
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(`socket 127\\.0\\.0\\.1 port ${port} \\(other\\).*FileDescriptorName=`));
});

test('a datagram socket: no start, and it is said what it is', async () => {
  const child = activated(['-d', '-l', `127.0.0.1:${port}`, '--fdname=web']);
  const all = outcome(child);
  const sender = createSocket('udp4');
  const again = setInterval(() => sender.send('x', port, '127.0.0.1'), 50);
  const { status, stderr } = await all.finally(() => clearInterval(again));
  sender.close();
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(`descriptor 3 \\(web\\), which 127.* port ${port} is no stream socket`));
});

test("the control plane's socket: it is served, or Bun says that it cannot", async () => {
  const passed = ['-l', `127.0.0.1:${port}`, '--fdname=control'];
  const child = activated(passed, '--listen', 'http://127.0.0.1:0');
  const all = outcome(child);
  await knock(port);
  if (runtime === 'bun')
    return assert.match((await all).stderr, /control\.listen: .*Bun cannot take a socket/);
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  end(child);
  assert.equal(answer.status, 200);
  await all;
});
