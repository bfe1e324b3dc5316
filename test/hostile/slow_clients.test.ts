// Clients that send a byte now and then: head and body each have their time, then 408; others are served
// meanwhile.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({ limits: { headTimeout: 700, stallTimeout: 700, minRate: 1000 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const trust = await readFile(site.certificate, 'utf8');
const upload = (...fields: string[]) =>
  request('PUT', '/o/files/slow', `Authorization: Bearer ${site.token}`, ...fields);
const inState = (state: string) => server.metric(`sealgate_connections{state="${state}"}`);

/** Sends a byte every 50 ms, far more often than any timeout, until the response comes. */
async function dribbled(wire: Wire, byte: string): Promise<Response> {
  const timer = setInterval(() => wire.send(byte), 50);
  return wire.response().finally(() => clearInterval(timer));
}

test('a head that comes byte by byte', async () => {
  const wire = await Wire.open(server.url, trust);
  wire.send('GET / HTTP/1.1\r\nHost: localhost\r\nX: ');
  assertProblem(await dribbled(wire, 'x'), 408, 'head-timeout');
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('a head that comes no further', async () => {
  const wire = await Wire.open(server.url, trust);
  wire.send('G');
  assertProblem(await wire.response(), 408, 'head-timeout');
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('the time of a head begins anew with each request', async () => {
  const wire = await Wire.open(server.url, trust);
  assert.equal((await wire.get('/')).status, 200);
  wire.send('GET / HTTP/1.1\r\n');
  assertProblem(await wire.response(), 408, 'head-timeout');
});

for (const framing of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
  const [byte, start] = framing.startsWith('C') ? ['x', 'x'] : ['1\r\nx\r\n', '1\r\nx\r\n'];

  test(`a body by ${framing} that comes byte by byte`, async () => {
    const wire = await Wire.open(server.url, trust);
    wire.send(upload(framing) + start);
    assertProblem(await dribbled(wire, byte), 408, 'body-timeout');
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });

  test(`a body by ${framing} that comes no further`, async () => {
    const wire = await Wire.open(server.url, trust);
    wire.send(upload(framing) + start);
    assertProblem(await wire.response(), 408, 'body-timeout');
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });

  test(`a body by ${framing} that never begins`, async () => {
    const wire = await Wire.open(server.url, trust);
    wire.send(upload(framing));
    assertProblem(await wire.response(), 408, 'body-timeout');
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });
}

test('others are served while 50 uploads are slow', async () => {
  // Long enough that all of them are under way at once on a busy machine.
  const patient = await createSite({ limits: { headTimeout: 8000, stallTimeout: 8000, minRate: 1000 } });
  const other = await TestServer.start(patient, '--workers', '1');
  try {
    const ca = await readFile(patient.certificate, 'utf8');
    const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(other.url, ca)));
    const head = request(
      'PUT',
      '/o/files/slow',
      `Authorization: Bearer ${patient.token}`,
      'Content-Length: 1000000',
    );
    const timers = wires.map((wire) => {
      wire.send(head);
      return setInterval(() => wire.send('x'), 50);
    });
    await until(
      () => other.metric('sealgate_connections{state="receiving"}'),
      (count) => count === 50,
      'slow uploads',
    );
    for (let i = 0; i < 10; i++) assert.equal((await other.curl('/')).status, 200);
    for (const wire of wires) assertProblem(await wire.response(), 408, 'body-timeout');
    for (const timer of timers) clearInterval(timer);
    for (const wire of wires) wire.close();
  } finally {
    await other.stop();
    await patient.remove();
  }
});

test('after slow clients no staging file and no connection is left', async () => {
  const staged = () => readdir(join(site.dir, 'store', 'staging'));
  await until(staged, (files) => files.length === 0, 'staging');
  for (const state of ['head', 'receiving', 'lingering']) {
    await until(
      () => inState(state),
      (count) => count === 0,
      `connections in ${state}`,
    );
  }
  assertProblem(await server.curl('/o/files/slow'), 404, 'not-found');
});
