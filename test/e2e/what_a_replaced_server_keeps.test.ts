// A server that was replaced: its downloads go on in it, its sessions at the other one, connections without a
// request end, and others may be replaced meanwhile.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Http2Wire, request as head, type } from '../support/http2_wire.ts';
import { outcome } from '../support/runtime.ts';
import { createSite, freePort, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';
import { exchange } from '../tls/support.ts';

const large = randomBytes(32 * 1024 * 1024); // more than sockets hold

interface Served {
  site: Site;
  server: TestServer;
  /** Of the plaintext listener. */
  url: string;
  replace(...args: string[]): Promise<TestServer>;
}

async function serve(settings: object = {}, ...args: string[]): Promise<Served> {
  const site = await createSite({ buckets: { files: 'write-once' }, ...settings });
  const started: TestServer[] = [];
  after(async () => {
    for (const server of started) await server.stop('SIGKILL');
    await site.remove();
  });
  const [tls, clear] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${clear}`;
  const listen = ['--listen', `https://127.0.0.1:${tls}`, '--listen', url, '--workers', '2'];
  const start = async (...more: string[]) => {
    const server = await TestServer.start(site, ...listen, ...args, ...more);
    started.push(server);
    return server;
  };
  const server = await start();
  await writeFile(join(site.dir, 'large'), large);
  assert.equal((await server.put('/o/files/large', join(site.dir, 'large'))).status, 201);
  return { site, server, url, replace: (...more) => start('--replace', ...more) };
}

const isReplaced = ({ log }: TestServer) =>
  until(log, (said) => said.includes('another process has taken over'), 'the end of its turn');

/** A download that stands still. */
async function download(url: string): Promise<Wire> {
  const wire = await Wire.open(url);
  wire.send(request('GET', '/o/files/large'));
  wire.socket.pause();
  return wire;
}

async function goesOn(wire: Wire): Promise<void> {
  wire.socket.resume();
  const { status, headers, body } = await wire.response();
  assert.deepEqual([status, body.equals(large)], [200, true]);
  assert.equal(headers.get('content-length'), String(large.length));
}

test('TLS 1.2 and 1.3: sessions of the old process are resumed by the new one', async () => {
  const { site, server, replace } = await serve();
  const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const versions = ['-tls1_2', '-tls1_3'];
  const saved = (version: string) => join(site.dir, `session${version}`);
  for (const version of versions)
    await exchange(server.url, site, last, version, '-sess_out', saved(version));
  const next = await replace();
  assert.equal(await server.ended(), 0);
  for (const version of versions) {
    const { stdout } = await exchange(next.url, site, last, version, '-sess_in', saved(version));
    assert.match(stdout, /\nReused, TLSv1\.[23], Cipher is /);
    assert.match(stdout, /HTTP\/1\.1 200 OK/);
  }
  assert.equal(await next.metric('sealgate_tls_handshakes_resumed_total'), versions.length);
  assert.equal(await next.stop(), 0);
});

/** Two processes that were replaced, each with a download, and the third one, which serves. */
async function twoThatSend() {
  const served = await serve();
  const { server, url, replace } = served;
  const first = await download(url);
  const second = await replace();
  await isReplaced(server);
  const other = await download(url);
  const third = await replace();
  await isReplaced(second);
  return { ...served, second, third, first, other };
}

test('downloads of two processes that were replaced go on; each ends with its last one', async () => {
  const { server, second, third, first, other } = await twoThatSend();
  assert.equal((await third.curl('/o/files/large')).status, 200);
  await goesOn(other);
  await goesOn(first);
  assert.equal(await server.ended(), 0);
  assert.equal(await second.ended(), 0);
  assert.equal(await third.stop(), 0);
});

test('the new process is killed while two old ones send: another one serves, and they go on', async () => {
  const { site, third, first, other, replace } = await twoThatSend();
  await third.stop('SIGKILL');
  const fourth = await replace();
  assert.equal((await fourth.put('/o/files/again', join(site.dir, 'large'))).status, 201);
  await goesOn(other);
  await goesOn(first);
  assert.equal(await fourth.stop(), 0);
});

test('an upload of the first of two processes that were replaced is made by the third', async () => {
  const { site, server, url, replace } = await serve();
  const wire = await Wire.open(url);
  const fields = [`Authorization: Bearer ${site.token}`, 'Content-Length: 8'];
  wire.send(request('PUT', '/o/files/slow', ...fields));
  wire.send('half');
  const second = await replace();
  await isReplaced(server);
  const third = await replace();
  await isReplaced(second);
  wire.send('half');
  assert.equal((await wire.response('PUT')).status, 201);
  assert.equal((await third.curl('/o/files/slow')).body.toString(), 'halfhalf');
  assert.deepEqual([await server.ended(), await second.ended()], [0, 0]);
  assert.equal(await third.stop(), 0);
});

test('drain.replacedSeconds 1: a download that takes longer is cut, and the process ends', async () => {
  const { server, url, replace } = await serve({ drain: { replacedSeconds: 1 } });
  const wire = await download(url);
  const next = await replace();
  assert.equal(await server.ended(), 0);
  wire.socket.resume();
  await assert.rejects(wire.response(), /(end|reset) instead of a whole response/);
  assert.equal(await next.stop(), 0);
});

test('idle connections: HTTP/2 has GOAWAY at once, HTTP/1.1 one more answer or an end', async () => {
  const { server, url, replace } = await serve();
  const [used, idle] = [await Wire.open(url), await Wire.open(url)];
  for (const wire of [used, idle]) assert.equal((await wire.get('/')).status, 200);
  const streams = await Http2Wire.open(url);
  streams.ask(1, head('GET', '/'));
  assert.equal(await streams.status(1), 200);
  const next = await replace();
  await streams.until((frame) => frame.type === type.goaway);
  const last = await used.get('/');
  assert.deepEqual([last.status, last.headers.get('connection')], [200, 'close']);
  assert.deepEqual(await idle.ended(), { by: 'end', rest: '' });
  streams.close();
  assert.equal(await server.ended(), 0);
  assert.equal(await next.stop(), 0);
});

/** Asks the control plane again and again, each time on a new connection. @returns those that failed. */
function asking(...control: string[]): () => Promise<string> {
  let isOver = false;
  const asked = (async () => {
    let failed = '';
    while (!isOver) failed += (await outcome(spawn('curl', ['-sS', '-o', '/dev/null', ...control]))).stderr;
    return failed;
  })();
  return () => {
    isOver = true;
    return asked;
  };
}

for (const where of ['http', 'unix'])
  test(`an address of the control plane, ${where}: one process or the other always answers`, async () => {
    const port = await freePort();
    const path = join(await mkdtemp(join(tmpdir(), 'sealgate-test-')), 'control.sock');
    const address = where === 'http' ? `http://127.0.0.1:${port}` : `unix:${path}`;
    const { server, replace } = await serve({}, '--control', address);
    const at =
      where === 'http' ? [`${address}/healthz`] : ['--unix-socket', path, 'http://localhost/healthz'];
    const end = asking(...at);
    const next = await replace();
    assert.equal(next.control, server.control);
    assert.equal(await server.ended(), 0);
    const last = await replace();
    assert.equal(await next.ended(), 0);
    assert.equal(await end(), '');
    assert.equal(await last.stop(), 0);
    await assert.rejects(access(path), { code: 'ENOENT' });
    await rm(dirname(path), { recursive: true });
  });

test('a lame duck is replaced: the new process serves, and the old one ends before its time', async () => {
  const drain = { lameDuckSeconds: 3600, closeSeconds: 0, graceSeconds: 60 };
  const { server, url, replace } = await serve({ drain });
  const wire = await download(url);
  process.kill(server.pid, 'SIGTERM');
  await until(server.log, (said) => said.includes('draining; a second'), 'the signal');
  const next = await replace();
  // With closeSeconds 0 a request may cross the end of its connection (docs/ending.md).
  await until(
    () => fetch(`${url}/`).then(({ status }) => status, String),
    (status) => status === 200,
    'an answer of the new process',
  );
  assert.equal((await fetch(`${next.control}/readyz`)).status, 200);
  await goesOn(wire);
  assert.equal(await server.ended(), 0);
});

test('two processes take over at a time: one after another, and the last one serves', async () => {
  const { server, url, replace } = await serve();
  const both = await Promise.all([replace(), replace()]);
  assert.equal(await server.ended(), 0);
  const last = await Promise.race(both.map((each) => isReplaced(each).then(() => each)));
  assert.equal(await last.ended(), 0);
  assert.equal((await fetch(`${url}/`)).status, 200);
  const serving = both.find((each) => each !== last) as TestServer;
  assert.equal(await serving.stop(), 0);
});
