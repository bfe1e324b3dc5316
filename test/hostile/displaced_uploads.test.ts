// An upload whose connection the server ends, for another client at the limit of connections or because the
// server ends, is not counted as one that its client gave up.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const limit = 8;
const hour = 3_600_000;
const site = await createSite({
  limits: { connections: limit, headTimeout: hour, stallTimeout: hour },
  drain: { graceSeconds: 1 },
  sentinel: { intervalSeconds: 0 },
});
const accessLog = join(site.dir, 'access.log');
const server = await TestServer.start(
  site,
  ...['--workers', '1', '--listen', 'http://127.0.0.1:0', '--access-log', accessLog],
);
const wires: Wire[] = [];
after(async () => {
  await server.stop();
  await site.remove();
});

const receiving = () => server.metric('sealgate_connections{state="receiving"}');
const cutLines = async () =>
  (await readFile(accessLog, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ cut }) => cut);

test('uploads of one client hold all connections: another client displaces one, none is lost', async () => {
  for (let i = 0; i < limit; i++) {
    const wire = await Wire.open(server.url, undefined, '127.0.0.2');
    const token = `Authorization: Bearer ${site.token}`;
    wire.send(`${request('PUT', `/o/files/${i}`, token, 'Content-Length: 1000')}half`);
    wires.push(wire);
  }
  await until(receiving, (count) => count === limit, 'uploads under way');
  const other = await Wire.open(server.url);
  other.send(`${request('GET', '/')}GET / HTTP/1.1\r\n`);
  assert.equal((await other.response()).status, 200);
  assert.equal(await receiving(), limit - 1);
  const count = (name: string) => server.metric(`sealgate_${name}_total`);
  assert.deepEqual(
    [await count('connections_displaced'), await count('uploads_displaced'), await count('uploads_aborted')],
    [1, 1, 1],
  );
  assert.equal(await count('uploads_lost'), 0);
  const [line] = await until(cutLines, (lines) => lines.length > 0, 'a line of the access log');
  assert.deepEqual([line.method, line.status, line.cut], ['PUT', 503, true]);
  other.close();
});

test('uploads that the end of a drain cuts are logged with 503', async () => {
  const before = (await cutLines()).length;
  assert.equal(await server.stop(), 0);
  const statuses = (await cutLines()).slice(before).filter(({ method }) => method === 'PUT');
  assert.deepEqual(
    statuses.map(({ status }) => status),
    Array(limit - 1).fill(503),
  );
  for (const wire of wires) wire.close();
});
