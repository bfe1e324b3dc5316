// What lasts: uploads whose connection is cut, or whose server is replaced by another process; and what a
// collection and a quota make of images.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from 'node:tls';
import { blobOf, imageOf, refusalIn, TestRegistry } from '../../support/registry.ts';
import { runCli } from '../../support/runtime.ts';
import { blobPath, sha256 } from '../../support/store.ts';
import { until } from '../../support/wait.ts';

const registry = await TestRegistry.start(
  {},
  { sentinel: { intervalSeconds: 0 }, gc: { intervalSeconds: 0, graceSeconds: 0 } },
);
after(() => registry.stop());

const root = join(registry.site.dir, 'store');
const isThere = (bytes: Buffer) => existsSync(blobPath(root, sha256(bytes)));
const cli = (...args: string[]) => runCli(...args, '--config', registry.site.config);

/** Sends a part of a body that is said to be longer, and cuts the connection. */
async function cut(path: string, bytes: Buffer, length: number): Promise<void> {
  const { hostname: host, port } = new URL(registry.server.url);
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  const head = [
    `PATCH ${path} HTTP/1.1`,
    `Host: ${registry.host}`,
    `Authorization: Bearer ${registry.site.token}`,
    `Content-Length: ${length}`,
  ];
  socket.on('error', () => {});
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await new Promise<void>((resolve) => socket.end(bytes, resolve));
  await arrived(path, bytes.length);
  socket.destroy();
}

function arrived(path: string, bytes: number): Promise<unknown> {
  const ask = async () => (await registry.ask('GET', path)).headers.get('range');
  return until(ask, (range) => range === `0-${bytes - 1}`, 'not all has arrived', 10_000);
}

for (const algorithm of ['sha256', 'sha512'] as const) {
  test(`${algorithm}: an upload whose connection was cut goes on where the bytes end`, async () => {
    const { bytes, digest } = blobOf(randomBytes(200_000), algorithm);
    const at = await registry.begin('cut');
    await cut(at, bytes.subarray(0, 100_000), bytes.length);
    const rest = ['-H', 'Content-Range: 100000-199999'];
    const put = await registry.send('PUT', `${at}?digest=${digest}`, bytes.subarray(100_000), ...rest);
    assert.equal(put.status, 201, put.body.toString());
    assert.ok((await registry.ask('GET', `/v2/cut/blobs/${digest}`)).body.equals(bytes));
  });

  test(`${algorithm}: an upload goes on after the server was killed and started again`, async () => {
    const { bytes, digest } = blobOf(randomBytes(200_000), algorithm);
    const at = await registry.begin('restart');
    await registry.send('PATCH', at, bytes.subarray(0, 100_000));
    await registry.restart('SIGKILL');
    await arrived(at, 100_000);
    await registry.send('PATCH', at, bytes.subarray(100_000));
    await registry.restart();
    assert.equal((await registry.ask('PUT', `${at}?digest=${digest}`)).status, 201);
    assert.ok((await registry.ask('GET', `/v2/restart/blobs/${digest}`)).body.equals(bytes));
  });
}

test('a collection keeps what a repository has, and frees a blob that no repository has', async () => {
  const config = blobOf('{}');
  const [kept, gone] = [blobOf(randomBytes(5000)), blobOf(randomBytes(5000))];
  await registry.push('collect', config, kept, gone);
  await registry.put('collect', 'v1', imageOf(config, [kept]));
  await cli('bucket', 'set', 'images', '--keep-versions', '0');
  await registry.ask('DELETE', `/v2/collect/blobs/${gone.digest}`);
  const hex = ({ digest }: { digest: string }) => digest.slice('sha256:'.length);
  assert.match(await cli('why', hex(gone)), /collect\/_blobs/);
  assert.match(await cli('gc'), /removed/);
  assert.match(await cli('why', hex(kept)), new RegExp(`collect/_blobs/sha256/${hex(kept)}`));
  for (const { digest, status } of [
    { ...kept, status: 200 },
    { ...gone, status: 404 },
  ])
    assert.equal((await registry.ask('GET', `/v2/collect/blobs/${digest}`)).status, status);
  assert.equal((await registry.ask('GET', '/v2/collect/manifests/v1')).status, 200);
  assert.deepEqual([isThere(kept.bytes), isThere(gone.bytes)], [true, false]);
});

test('a push beyond the quota of the bucket is 507, and pulls go on', async () => {
  const small = blobOf(randomBytes(100));
  await registry.push('quota', small);
  await cli('bucket', 'set', 'images', '--quota-bytes', '1');
  const at = await registry.begin('quota');
  const large = blobOf(randomBytes(100_000));
  const put = await registry.send('PUT', `${at}?digest=${large.digest}`, large.bytes);
  assert.deepEqual(refusalIn(put), [507, 'DENIED']);
  assert.equal((await registry.ask('GET', `/v2/quota/blobs/${small.digest}`)).status, 200);
});
