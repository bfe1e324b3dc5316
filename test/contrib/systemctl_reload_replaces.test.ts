// The command of contrib/systemd/replace.conf, as systemd runs it at a reload: it ends when the new process
// serves, and fails when that cannot start.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { cliCommand, outcome, root } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const port = await freePort();
const site = await createSite({
  listeners: [{ url: `http://127.0.0.1:${port}` }],
  control: { listen: 'http://127.0.0.1:0' },
  workers: 1,
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop('SIGKILL');
  await site.remove();
});

// As in test/e2e/what_systemd_is_told.test.ts.
const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace(chr(10), " "), flush=True)
`;

/** Its exit status. */
async function reload(notified: string): Promise<number | null> {
  const unit = await readFile(`${root}contrib/systemd/replace.conf`, 'utf8');
  const line = /^ExecReload=\/bin\/sh -c '([^']+)'$/m.exec(unit)?.[1] ?? '';
  const [program, words] = cliCommand([]);
  const command = line
    .replace('/usr/bin/node /opt/sealgate/dist/src/cli.js', [program, ...words].join(' '))
    .replace('/srv/sealgate/sealgate.json', site.config);
  const env = { ...process.env, NOTIFY_SOCKET: notified };
  const child = spawn('/bin/sh', ['-c', command], { cwd: root, env, stdio: ['ignore', 'ignore', 'ignore'] });
  return (await outcome(child)).status;
}

test('a configuration with a fault: the reload fails, and the running server goes on', async () => {
  const sound = await readFile(site.config, 'utf8');
  await writeFile(site.config, '{');
  assert.equal(await reload(''), 1);
  await writeFile(site.config, sound);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});

test('a reload ends when another process serves, which has told that it is the main one', async () => {
  const address = join(site.dir, 'notify');
  const manager = spawn('python3', ['-c', receiver, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told = createInterface({ input: manager.stdout })[Symbol.asyncIterator]();
  const next = async () => (await told.next()).value as string;
  try {
    assert.equal(await next(), 'bound');
    assert.equal(await reload(address), 0);
    const pid = Number(/^MAINPID=(\d+)$/.exec(await next())?.[1]);
    assert.match(await next(), new RegExp(`^READY=1 MAINPID=${pid} `));
    assert.equal(await server.ended(), 0);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
    process.kill(pid, 'SIGTERM');
    assert.match(await next(), /^STOPPING=1/);
    await until(
      () => fetch(`http://127.0.0.1:${port}/`).then(Boolean, () => false),
      (up) => !up,
      'the end',
    );
  } finally {
    manager.kill();
    await once(manager, 'exit');
  }
});
