// A server that is replaced, or killed, while it fetches an object of an upstream.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestServer } from '../support/server.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const body = randomBytes(2_000_000);
const half = body.length / 2;
const held: ServerResponse[] = [];
const upstream = await startUpstream((_, response) => {
  held.push(response);
  response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(0, half));
});
const { server, site, stop } = await startMirrors({ origin: { url: upstream.url } }, [
  { path: '/m/', upstreams: ['origin'], mirror: { rules: [{ match: '/m/**', immutable: true }] } },
]);
let newest = server;
after(async () => {
  await newest.stop();
  await stop();
  upstream.close();
});
const start = (...more: string[]) => TestServer.start(site, '--workers', '1', ...more);

async function reader(of: TestServer, path: string): Promise<Wire> {
  const wire = await Wire.open(of.urls[1] ?? '');
  wire.send(request('GET', path));
  assert.equal((await wire.head()).status, 200);
  return wire;
}

test('a fetch goes on in a process that is replaced, and the other one has what it brings', async () => {
  const wire = await reader(server, '/m/replaced');
  newest = await start('--replace');
  held.at(-1)?.end(body.subarray(half));
  assert.ok((await wire.bytes(body.length)).equals(body));
  wire.close();
  const answer = await until(
    () => newest.curl('/o/mirror/replaced'),
    ({ status }) => status === 200,
    'the object',
  );
  assert.ok(answer.body.equals(body));
  assert.ok((await newest.curl('/m/replaced')).body.equals(body));
  assert.deepEqual(upstream.asked, ['GET /replaced']);
});

test('what a process that is killed was fetching is fetched anew by the next one', async () => {
  const asked = newest.curl('/m/killed').catch(() => undefined);
  await until(
    () => readdirSync(join(site.dir, 'store', 'staging')).length,
    (files) => files > 0,
    'the staging file',
  );
  await newest.stop('SIGKILL');
  await asked;
  newest = await start();
  assert.deepEqual(readdirSync(join(site.dir, 'store', 'staging')), []);
  assert.equal((await newest.curl('/o/mirror/killed')).status, 404);
  const again = newest.curl('/m/killed');
  await until(
    () => held.length,
    (answers) => answers === 3,
    'the second fetch',
  );
  held.at(-1)?.end(body.subarray(half));
  assert.ok((await again).body.equals(body));
});
