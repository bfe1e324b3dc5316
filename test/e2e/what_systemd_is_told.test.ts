// The service manager is told when the server serves, when it reloads, and when it ends (sd_notify(3)):
// datagrams at a path, and at a name in the abstract namespace.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const site = await createSite();
after(() => site.remove());

// No runtime has datagrams on unix sockets.
const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", chr(0)))
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace(chr(10), " "), flush=True)
`;

for (const address of [join(site.dir, 'notify'), `@sealgate-test-${process.pid}`]) {
  test(`NOTIFY_SOCKET=${address[0]}...: READY, RELOADING with its time, READY and STOPPING`, async () => {
    const manager = spawn('python3', ['-c', receiver, address], { stdio: ['ignore', 'pipe', 'inherit'] });
    const told = createInterface({ input: manager.stdout })[Symbol.asyncIterator]();
    const next = async () => (await told.next()).value as string;
    try {
      assert.equal(await next(), 'bound');
      process.env.NOTIFY_SOCKET = address;
      const server = await TestServer.start(site, '--workers', '1');
      delete process.env.NOTIFY_SOCKET;
      assert.match(await next(), new RegExp(`^READY=1 MAINPID=${server.pid} STATUS=serving at 1 address$`));
      const reloads = [
        () => process.kill(server.pid, 'SIGHUP'),
        () => fetch(`${server.control}/reload`, { method: 'POST' }),
        () => runCli('config', 'reload', '--config', site.config, '--control', server.control ?? ''),
      ];
      for (const reload of reloads) {
        const done = reload();
        const at = /^RELOADING=1 STATUS=reloading MONOTONIC_USEC=(\d+)$/.exec(await next())?.[1];
        const uptime = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
        assert.ok(Math.abs(Number(at) / 1e6 - uptime) < 3600, `${at} microseconds, up for ${uptime} s`);
        assert.equal(await next(), 'READY=1 STATUS=serving');
        await done;
      }
      assert.equal(await server.stop(), 0);
      assert.match(await next(), /^STOPPING=1 STATUS=draining for up to \d+ s$/);
    } finally {
      delete process.env.NOTIFY_SOCKET;
      manager.kill();
      await once(manager, 'exit');
    }
  });
}

test('--replace: MAINPID before the old process may end, which tells nothing from then on', async () => {
  const address = join(site.dir, 'notify_of_two');
  const manager = spawn('python3', ['-c', receiver, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told = createInterface({ input: manager.stdout })[Symbol.asyncIterator]();
  const next = async () => (await told.next()).value as string;
  const listen = ['--workers', '1', '--listen', `http://127.0.0.1:${await freePort()}`];
  try {
    assert.equal(await next(), 'bound');
    process.env.NOTIFY_SOCKET = address;
    const old = await TestServer.start(site, ...listen);
    assert.match(await next(), /^READY=1/);
    const idle = await Wire.open(old.url);
    const server = await TestServer.start(site, ...listen, '--replace');
    delete process.env.NOTIFY_SOCKET;
    assert.equal(await next(), `MAINPID=${server.pid}`);
    assert.match(await next(), new RegExp(`^READY=1 MAINPID=${server.pid} STATUS=serving`));
    await until(old.log, (log) => log.includes('another process has taken over'), 'the end of its turn');
    process.kill(old.pid, 'SIGHUP');
    await until(old.log, (log) => log.includes('have that one reload'), 'a reload');
    assert.equal(await old.stop(), 0);
    idle.close();
    assert.equal(await server.stop(), 0);
    assert.match(await next(), /^STOPPING=1/);
  } finally {
    delete process.env.NOTIFY_SOCKET;
    manager.kill();
    await once(manager, 'exit');
  }
});
