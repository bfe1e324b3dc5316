// diagnose without kernel TLS: aborted uploads and blobs in quarantine are reported; the exit status tells
// symptoms from a server that does not respond.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Diagnosis } from '../../src/control/views.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
const settings = { guard: { intervalSeconds: 0.3 }, sentinel: { intervalSeconds: 0 } };
await writeFile(site.config, JSON.stringify({ ...config, ...settings }));
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});

const diagnose = (...args: string[]) =>
  outcome(spawnCli(['diagnose', '--config', site.config, '--control', server.control ?? '', ...args]));

test('an idle server has no symptoms: status 0', async () => {
  const { status, stdout } = await diagnose();
  assert.match(stdout, /^nothing odd in the last \d+ s\n/);
  assert.match(stdout, /\nnothing sent over TLS, nothing received over TLS, since the start\n/);
  assert.equal(status, 0);
});

test('uploads aborted by clients: uploads-aborted with their share, status 1', async () => {
  const plain = server.urls.find((url) => url.startsWith('http:')) ?? assert.fail();
  const { hostname, port } = new URL(plain);
  const head = [
    'PUT /o/files/cut HTTP/1.1',
    `Host: ${hostname}`,
    `Authorization: Bearer ${site.token}`,
    'Content-Length: 1000',
    '',
    'no more than this',
  ].join('\r\n');
  const receiving = () => server.metric('sealgate_connections{state="receiving"}');
  for (let sent = 0; sent < 25; sent += 1) {
    await until(receiving, (count) => count === 0, 'the upload before has ended');
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(head);
    // Otherwise the socket may be destroyed before it is connected, and there is no upload.
    await until(receiving, (count) => count === 1, 'the upload has begun');
    socket.destroy();
    await once(socket, 'close');
  }
  const seen = async () => {
    const { symptoms } = (await (await fetch(`${server.control}/diagnosis`)).json()) as Diagnosis;
    return symptoms.find(({ name }) => name === 'uploads-aborted');
  };
  const symptom = await until(seen, Boolean, 'uploads-aborted');
  assert.match(symptom?.seen ?? '', /^\d+ % of \d+ uploads ended before their last byte/);
  assert.equal((await diagnose()).status, 1);
});

test('uploads cut off by the connection: uploads-lost with their count', async () => {
  const read = async () => {
    const { symptoms } = (await (await fetch(`${server.control}/diagnosis`)).json()) as Diagnosis;
    return symptoms.find(({ name }) => name === 'uploads-lost')?.seen ?? '';
  };
  // The last of them may be counted in the next sample only.
  await until(read, (seen) => seen.startsWith('25 uploads whose connection ended before'), '25 lost uploads');
});

test('files in quarantine: blobs-in-quarantine', async () => {
  await writeFile(join(site.dir, 'store', 'quarantine', `${'a'.repeat(64)}.1`), 'damaged');
  const { status, stdout } = await diagnose('--json');
  const { symptoms, traffic } = JSON.parse(stdout) as Diagnosis;
  assert.ok(
    symptoms.some(({ name, seen }) => name === 'blobs-in-quarantine' && seen === '1 file in quarantine'),
  );
  assert.equal(typeof traffic.since.start.seconds, 'number');
  assert.equal(status, 1);
});

test('wrong arguments end with 2, no response from a server with 3', async () => {
  assert.equal((await diagnose('--no-such-option')).status, 2);
  const { status, stderr } = await diagnose('--control', 'http://127.0.0.1:1');
  assert.match(stderr, /no server answers there/);
  assert.equal(status, 3);
});
