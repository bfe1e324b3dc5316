// A server that is told to end goes on as a lame duck where the configuration says so: health paths say no,
// and all is served, late in it with the end of each connection; then it drains.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { flag, frame, Http2Wire, request as head, number32, type } from '../support/http2_wire.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const hour = 3600;
const small = randomBytes(1024);
const large = randomBytes(1024 * 1024);

async function start(drain: object): Promise<{ site: Site; server: TestServer; clear: string }> {
  const site = await createSite({ drain, healthPath: '/health' });
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  const server = await TestServer.start(site, '--workers', '1', ...listen);
  after(async () => {
    await server.stop('SIGKILL');
    await site.remove();
  });
  for (const [name, bytes] of Object.entries({ small, large })) {
    await writeFile(join(site.dir, name), bytes);
    assert.equal((await server.put(`/o/files/${name}`, join(site.dir, name))).status, 201);
  }
  return { site, server, clear: server.urls[1] ?? '' };
}

/** What balancers hear: of the control plane, and of the port of content by each version. */
async function health({ server, clear }: { server: TestServer; clear: string }): Promise<string[]> {
  const ready = await fetch(`${server.control}/readyz`);
  const lives = await fetch(`${server.control}/healthz`);
  const one = await server.curl('/health');
  const two = await server.curl('/health', '--http2');
  const wire = await Http2Wire.open(clear);
  wire.ask(1, head('HEAD', '/health'));
  const third = await wire.status(1);
  wire.close();
  return [
    `/readyz ${ready.status} ${(await ready.text()).trim()}`,
    `/healthz ${lives.status}`,
    ...[one, two].map(({ status, body }) => `${status} ${body.toString().trim()}`),
    `${third}`,
  ];
}

/** The signal, and what it changes first. */
async function signalled({ server }: { server: TestServer }): Promise<void> {
  process.kill(server.pid, 'SIGTERM');
  const ready = () => fetch(`${server.control}/readyz`).then(({ status }) => status);
  await until(ready, (status) => status === 503, '/readyz');
}

const healthy = ['/readyz 200 ready', '/healthz 200', '200 ready', '200 ready', '200'];
const draining = ['/readyz 503 draining', '/healthz 200', '503 draining', '503 draining', '503'];

test('lame duck: health paths say 503, and everything is served as before', async () => {
  const served = await start({ lameDuckSeconds: hour, closeSeconds: 0 });
  const { server, site, clear } = served;
  assert.deepEqual(await health(served), healthy);
  const wire = await Wire.open(clear);
  const many = await Http2Wire.open(clear);
  assert.equal((await wire.get('/o/files/small')).status, 200);
  await signalled(served);
  assert.deepEqual(await health(served), draining);
  for (let n = 0; n < 3; n++) {
    const { status, headers, body } = await wire.get('/o/files/small');
    assert.deepEqual([status, headers.get('connection'), body.equals(small)], [200, undefined, true]);
    many.ask(2 * n + 1, head('GET', '/o/files/small'));
    assert.equal(await many.status(2 * n + 1), 200);
  }
  assert.equal((await server.put('/o/files/late', join(site.dir, 'large'))).status, 201);
  assert.ok((await server.curl('/o/files/late', '--http2')).body.equals(large));
  process.kill(server.pid, 'SIGTERM');
  assert.equal(await server.ended(), 143);
});

test('its last part, HTTP/1.1: answers say Connection: close, and new clients are answered', async () => {
  const served = await start({ lameDuckSeconds: hour, closeSeconds: hour });
  const { server, site, clear } = served;
  const [wire, waiting] = [await Wire.open(clear), await Wire.open(clear)];
  assert.equal((await wire.get('/o/files/small')).status, 200);
  await signalled(served);
  await until(server.log, (log) => log.includes('end with their next answer'), 'the last part');
  for (const each of [wire, waiting, await Wire.open(clear), await Wire.open(clear)]) {
    const { status, headers, body } = await each.get('/o/files/small');
    assert.deepEqual([status, headers.get('connection'), body.equals(small)], [200, 'close', true]);
    assert.deepEqual(await each.ended(), { by: 'end', rest: '' });
  }
  assert.deepEqual(await health(served), draining);
  assert.equal((await server.put('/o/files/late', join(site.dir, 'large'))).status, 201);
  assert.ok((await server.curl('/o/files/late')).body.equals(large));
});

test('its last part, HTTP/2: GOAWAY, what crosses it is answered, and new clients are answered', async () => {
  const served = await start({ lameDuckSeconds: hour, closeSeconds: hour });
  const { server, clear } = served;
  const [busy, idle, silent] = [
    await Http2Wire.open(clear),
    await Http2Wire.open(clear),
    await Http2Wire.open(clear),
  ];
  for (const wire of [busy, idle]) {
    wire.ask(1, head('GET', '/o/files/small'));
    assert.equal(await wire.status(1), 200);
  }
  busy.ask(3, head('GET', '/o/files/large'));
  await busy.until(({ stream }) => stream === 3);
  await signalled(served);

  assert.equal((await busy.until((each) => each.type === type.goaway)).payload.readUInt32BE(0), 0x7fffffff);
  const ping = await busy.until((each) => each.type === type.ping);
  busy.ask(5, head('GET', '/o/files/small'));
  const window = number32(2 * large.length);
  busy.send(frame(type.ping, flag.ack, 0, ping.payload), frame(type.windowUpdate, 0, 0, window));
  busy.send(frame(type.windowUpdate, 0, 3, window));
  const ended = new Set<number>();
  let last = Number.NaN;
  for (let got = await busy.next(); got; got = await busy.next()) {
    if (got.type === type.goaway) last = got.payload.readUInt32BE(0);
    if (got.type <= type.headers && (got.flags & flag.endStream) !== 0) ended.add(got.stream);
  }
  assert.deepEqual([...ended].sort(), [3, 5]);
  assert.equal(last, 5);

  assert.equal((await idle.until((each) => each.type === type.goaway)).payload.readUInt32BE(4), 0);
  assert.deepEqual(await idle.ended(), { goaway: 0, by: 'end' });
  // One that has asked for nothing yet, and one that comes now, would find no other server.
  for (const wire of [silent, await Http2Wire.open(clear)]) {
    wire.ask(1, head('GET', '/o/files/small'));
    assert.equal(await wire.status(1), 200);
    assert.deepEqual(await wire.ended(), { goaway: 0, by: 'end' });
  }
  assert.ok((await server.curl('/o/files/large', '--http2')).body.equals(large));
});

test('after it: no new connections, a download under way is finished, status 0', async () => {
  const { server, clear } = await start({ lameDuckSeconds: 0.4, closeSeconds: 0.2, graceSeconds: 60 });
  const wire = await Http2Wire.open(clear);
  wire.ask(1, head('GET', '/o/files/large'));
  await wire.until(({ stream }) => stream === 1);
  process.kill(server.pid, 'SIGTERM');
  await until(server.log, (log) => log.includes('no more connections are accepted'), 'the drain');
  const refused = () =>
    fetch(`${clear}/health`).then(
      () => false,
      () => true,
    );
  await until(refused, Boolean, 'a connection that is refused');
  const window = number32(2 * large.length);
  wire.send(frame(type.windowUpdate, 0, 0, window), frame(type.windowUpdate, 0, 1, window));
  await wire.until((each) => each.type === type.data && (each.flags & flag.endStream) !== 0);
  wire.close();
  assert.equal(await server.ended(), 0);
  const at = ['draining', 'end with their next answer', 'no more connections', '"stopped"'];
  const order = at.map((words) => server.log().indexOf(words));
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    server.log(),
  );
});

test('healthPath: other methods and other paths are for the sites, and without it all are', async () => {
  const { server } = await start({});
  assert.equal((await server.curl('/health', '-X', 'DELETE')).status, 404);
  assert.equal((await server.curl('/health/')).status, 404);
  assert.equal((await server.curl('/health?x=1')).body.toString(), 'ready\n');
  const site = await createSite();
  const other = await TestServer.start(site);
  assert.equal((await other.curl('/health')).status, 404);
  await other.stop();
  await site.remove();
});
