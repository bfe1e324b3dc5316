// A process that cannot take over, at whatever point it fails: the running server goes on with reads and
// changes, keeps nothing open for it, and says what happened.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { halfWay, heard } from '../support/next_server.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
const file = join(site.dir, 'file');
await writeFile(file, 'content');
const server = await TestServer.start(site, '--workers', '2');
const taken = createServer();
await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
const takenPort = (taken.address() as { port: number }).port;
after(async () => {
  taken.close();
  await server.stop();
  await site.remove();
});

let puts = 0;
async function assertServes(): Promise<void> {
  assert.equal((await server.put(`/o/files/${++puts}`, file)).status, 201);
  assert.equal((await server.curl(`/o/files/${puts}`)).status, 200);
}

/** A start that fails. @param settings in place of those of the site. */
async function fails(settings: object, why: RegExp, ...args: string[]): Promise<void> {
  const config = join(site.dir, 'other.json');
  const all = { ...JSON.parse(await readFile(site.config, 'utf8')), ...settings };
  await writeFile(config, JSON.stringify(all));
  await assert.rejects(
    TestServer.start({ ...site, config }, '--listen', server.url, ...args, '--replace'),
    why,
  );
  await rm(config);
  await assertServes();
}

const goesOn = (why: string) =>
  until(server.log, (log) => log.includes(`${why}; this one goes on`), 'what the running server says');

test('a setting that there is not: the running server is not asked', async () => {
  await fails({ nothing: 1 }, /nothing/);
  assert.doesNotMatch(server.log(), /takes over/);
});

test('a certificate that is not there: the running server is not asked', async () => {
  await fails({ tls: { certificate: './none.pem', key: './none.key' } }, /none\.(pem|key)/);
  assert.doesNotMatch(server.log(), /takes over/);
});

test('the port of a further listener is taken: the running server goes on', async () => {
  await fails({}, /in use/i, '--listen', `http://127.0.0.1:${takenPort}`);
  await goesOn('has ended before it served');
});

test("the control plane's port is taken: the running server goes on", async () => {
  await fails({}, /control\.listen: .* is in use/, '--control', `http://127.0.0.1:${takenPort}`);
});

test('a process that is killed when it has the offer: the running server goes on', async () => {
  const { child, ...next } = await halfWay(site);
  await heard(next, 'offer');
  child.kill('SIGKILL');
  await assertServes();
});

test('a process that is killed when it may write: the running server goes on', async () => {
  const { child, ...next } = await halfWay(site, { ready: true });
  await heard(next, 'go');
  child.kill('SIGKILL');
  await assertServes();
});

test('a process that may write and never serves is killed, and changes that waited are made', async () => {
  const { child, ...next } = await halfWay(site, { ready: true });
  const ended = once(child, 'exit');
  await heard(next, 'go');
  await assertServes();
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  assert.match(server.log(), /it did not serve within 20 seconds, and was killed/);
});

/** What a process has open, by kind. */
async function open(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const all = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')),
  );
  return all.map((what) => what.replace(/\[.*/, '')).sort();
}

test('of processes that ask and leave, the running server keeps no file open', async () => {
  const leave = async (receives: boolean) => {
    const socket = addon.connectToPeer(join(site.dir, 'store'), 'replace.sock');
    await socket.send(JSON.stringify({ hello: { protocol: 2, version: '9', format: 2, beside: [2] } }), []);
    if (receives) await socket.receive();
    socket.close();
    await assertServes();
  };
  await leave(true);
  const before = await open(server.pid);
  for (let count = 0; count < 4; count++) await leave(count % 2 === 0);
  const locks = (all: string[]) => all.filter((what) => /store$|lock$|^\/memfd/.test(what));
  await until(
    () => open(server.pid),
    (now) => JSON.stringify(locks(now)) === JSON.stringify(locks(before)),
    'open files',
  );
});
