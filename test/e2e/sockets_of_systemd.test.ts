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
import { activated, announced, knock } from '../support/activated.ts';
import { outcome, runtime } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';

const port = await freePort();
const own = await freePort();
const site = await createSite({
  listeners: [{ url: `http://127.0.0.1:${own}`, name: 'web' }],
  workers: 2,
});
after(() => site.remove());

/** Not child.kill(): Deno takes a signal that it sent for the one that ended the child. */
function end({ pid }: ChildProcess): void {
  process.kill(pid ?? 0, 'SIGTERM');
}

async function served(passed: string[], ...args: string[]): Promise<void> {
  const child = activated(site, passed, '--control', 'http://127.0.0.1:0', ...args);
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
    const child = activated(site, passed, '--control', 'http://127.0.0.1:0', ...listen);
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

test('--replace: sockets that were passed to the old process, by name and by address, are kept', async () => {
  for (const name of ['web', 'any']) {
    const where = name === 'web' ? [] : ['--listen', `http://127.0.0.1:${port}`];
    const passed = ['-l', `127.0.0.1:${port}`, `--fdname=${name}`];
    const child = activated(site, passed, '--control', 'http://127.0.0.1:0', ...where);
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
  const child = activated(
    site,
    ['-l', `127.0.0.1:${port}`, '--fdname=other'],
    '--control',
    'http://127.0.0.1:0',
  );
  const all = outcome(child);
  await knock(port);
  const { status, stderr } = await all;
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(`socket 127\\.0\\.0\\.1 port ${port} \\(other\\).*FileDescriptorName=`));
});

test('a datagram socket: no start, and it is said what it is', async () => {
  const child = activated(site, ['-d', '-l', `127.0.0.1:${port}`, '--fdname=web']);
  const all = outcome(child);
  const sender = createSocket('udp4');
  const again = setInterval(() => sender.send('x', port, '127.0.0.1'), 50);
  const { status, stderr } = await all.finally(() => clearInterval(again));
  sender.close();
  assert.notEqual(status, 0);
  assert.match(stderr, new RegExp(`descriptor 3 \\(web\\), which 127.* port ${port} is no stream socket`));
});

for (const scheme of ['http', 'https'])
  test(`the control plane's socket, ${scheme}: it is served, and a connection is used again`, async () => {
    const passed = ['-l', `127.0.0.1:${port}`, '--fdname=control'];
    const url = `${scheme}://127.0.0.1:${port}`;
    const child = activated(site, passed, '--listen', 'http://127.0.0.1:0', '--control', url);
    const all = outcome(child);
    const started = announced(child);
    await knock(port);
    await started;
    const asked = ['/healthz', '/status', '/healthz'].map((path) => url + path);
    const curl = spawn('curl', ['-sSk', '-w', ' %{http_code} %{num_connects}\\n', ...asked]);
    const { stdout, stderr: said } = await outcome(curl);
    assert.match(stdout, /^ok\n 200 1\n\{.*\} 200 0\nok\n 200 0\n$/s, said);
    const half = connect(port, '127.0.0.1', () => half.write(scheme === 'http' ? 'GET / HTTP/1.1\r\n' : ''));
    half.on('error', () => {});
    if (runtime === 'bun' && scheme === 'http') await once(half.resume(), 'close');
    end(child);
    half.destroy();
    const { status, stderr } = await all;
    assert.equal(status, 0, stderr);
  });
