// Whom a server hands over to, and what is left as it was when it does not. The test is the other process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { access, chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { cliCommand, outcome, root, runtimeArguments } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
const store = join(site.dir, 'store');
const file = join(site.dir, 'file');
await writeFile(file, 'content');
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});

const own = { protocol: 2, version: '9.9.9', format: 2, beside: [2] };

/** What the server says to a process that says this. */
async function answerTo(hello: object) {
  const socket = addon.connectToPeer(store, 'replace.sock');
  await socket.send(JSON.stringify({ hello }), []);
  const { text, files } = await socket.receive();
  return { socket, files, said: JSON.parse(text) };
}

let puts = 0;
async function assertServes(): Promise<void> {
  assert.equal((await server.put(`/o/files/${++puts}`, file)).status, 201);
}

test('a process of another protocol is refused with what to do', async () => {
  const { said } = await answerTo({ ...own, protocol: 99 });
  assert.match(
    said.refused,
    /version 9\.9\.9 hands over by protocol 99, .*end this server and start the other/,
  );
  await assertServes();
});

test('a process that writes a format which this version cannot read beside it is refused', async () => {
  const { said } = await answerTo({ ...own, format: 3, beside: [3] });
  assert.match(said.refused, /version 9\.9\.9 writes format 3 of the store/);
  await assertServes();
});

test('a process whose format only adds to this one is not refused', async () => {
  const { said, socket } = await answerTo({ ...own, format: 3, beside: [2, 3] });
  assert.ok(said.offer);
  socket.close();
  await assertServes();
});

test('a process that says what is not understood gets nothing', async () => {
  const socket = addon.connectToPeer(store, 'replace.sock');
  await socket.send('no JSON', []);
  await assert.rejects(socket.receive(), { code: 'ECONNRESET' });
  await assertServes();
});

test('changes wait while the store changes hands, and are made when the other process has gone', async () => {
  const { socket, files, said } = await answerTo(own);
  assert.ok(files.length >= said.offer.files.state + said.offer.files.locks);
  const put = server.put('/o/files/waited', file);
  const before = await server.metric('sealgate_requests_total');
  await until(
    () => server.metric('sealgate_requests_total'),
    (now) => now >= before,
    'requests',
  );
  socket.close();
  assert.equal((await put).status, 201);
  assert.equal((await server.curl('/o/files/waited')).body.toString(), 'content');
});

test('the lock of a store that was handed over is held by whoever has it', async () => {
  const { socket, files, said } = await answerTo(own);
  const { state, locks } = said.offer.files;
  const [folder] = files.slice(state, state + locks);
  const lock = addon.lockStore(store, folder);
  assert.ok(lock);
  lock.release();
  assert.equal(addon.lockStore(store), undefined);
  socket.close();
  await assertServes();
});

test('a process of another user is refused', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  const program = join(site.dir, 'stranger.mjs');
  const path = JSON.stringify(store);
  await writeFile(
    program,
    `import { addon } from ${JSON.stringify(`${root}src/native/addon.ts`)};
    const socket = addon.connectToPeer(${path}, 'replace.sock');
    await socket.send(JSON.stringify({ hello: ${JSON.stringify(own)} }), []).catch(() => {});
    process.stdout.write((await socket.receive()).text);`,
  );
  // Everything else that keeps it out is taken away.
  for (const folder of [site.dir, store]) await chmod(folder, 0o755);
  await chmod(join(store, 'replace.sock'), 0o666);
  const stranger = [...runtimeArguments(), program];
  const { stdout, stderr } = await outcome(
    spawn(process.execPath, stranger, { uid: 65534, gid: 65534, cwd: root }),
  );
  assert.match(stdout, /it runs as user 65534, and this server as user 0; run it as that user/, stderr);
  await chmod(store, 0o700);
  await assertServes();
});

/** A command in a namespace of process numbers of its own, as a container has it. */
function contained(args: string[]) {
  const [program, all] = cliCommand(args);
  return spawn('unshare', ['-pf', '--mount-proc', '--kill-child', program, ...all], { cwd: root });
}
const listen = ['--listen', 'http://127.0.0.1:0', '--control', 'http://127.0.0.1:0'];
const apart = /the two processes do not see each other, since they are in different PID namespaces/;
const noNamespace = process.getuid?.() !== 0 && 'needs root';

test('a process in a container of its own is refused, with why', { skip: noNamespace }, async () => {
  const { status, stderr } = await outcome(
    contained(['serve', '--config', site.config, ...listen, '--replace']),
  );
  assert.equal(status, 78, stderr);
  assert.match(stderr, apart);
  await assertServes();
});

test('a server in a container refuses a process outside of it, and serves on', {
  skip: noNamespace,
}, async () => {
  const other = await createSite();
  const child = contained(['serve', '--config', other.config, ...listen]);
  const ended = outcome(child);
  const folder = join(other.dir, 'store');
  const announced = () => readFile(join(folder, 'server.json'), 'utf8').catch(() => '');
  const { control } = JSON.parse(await until(announced, Boolean, 'the server in the container'));
  await until(
    () =>
      access(join(folder, 'replace.sock')).then(
        () => true,
        () => false,
      ),
    Boolean,
    'its socket',
  );
  const socket = addon.connectToPeer(folder, 'replace.sock');
  // The server refuses and closes at once: whether it does before this is written is a matter of chance.
  await socket.send(JSON.stringify({ hello: own }), []).catch(() => {});
  assert.match(JSON.parse((await socket.receive()).text).refused, apart);
  const asked = await fetch(`${control}/healthz`);
  assert.equal(asked.status, 200, await asked.text());
  child.kill('SIGKILL');
  await ended;
  await other.remove();
});
