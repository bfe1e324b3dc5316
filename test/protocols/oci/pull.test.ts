// Pulling, as the conformance suite of the specification does, and that a second pull of a blob needs no
// JavaScript.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, imageOf, refusalIn, TestRegistry, types } from '../../support/registry.ts';

const registry = await TestRegistry.start({ cacheStatus: true });
after(() => registry.stop());

const config = blobOf('{}');
const layer = blobOf(randomBytes(2048));
const image = imageOf(config, [layer]);
await registry.push('app', config, layer);
await registry.put('app', 'v1', image);
const pull = (path: string, ...args: string[]) => registry.server.curl(`/v2/app/${path}`, ...args);

test('GET and HEAD of a blob say its length, type and digest, without a token', async () => {
  for (const how of [[], ['-I']]) {
    const { status, headers } = await pull(`blobs/${layer.digest}`, ...how);
    assert.equal(status, 200);
    assert.equal(headers.get('content-length'), '2048');
    assert.equal(headers.get('content-type'), 'application/octet-stream');
    assert.equal(headers.get('docker-content-digest'), layer.digest);
  }
});

test('GET and HEAD of a manifest by tag and by digest say its media type and digest', async () => {
  for (const reference of ['v1', image.digest, image.digest.replace(':', '%3A')])
    for (const how of [[], ['-I']]) {
      const { status, headers } = await pull(`manifests/${reference}`, ...how);
      assert.equal(status, 200);
      assert.equal(headers.get('content-length'), `${image.size}`);
      assert.equal(headers.get('content-type'), types.image);
      assert.equal(headers.get('docker-content-digest'), image.digest);
    }
});

test('a blob that is pulled again is sent by a kept plan, and so is a manifest', async () => {
  for (const path of [`blobs/${layer.digest}`, `manifests/${image.digest}`, 'manifests/v1']) {
    // A kept plan is one worker's, of which there are two.
    const said: (string | undefined)[] = [];
    for (let round = 0; round < 10; round++) said.push((await pull(path)).headers.get('cache-status'));
    assert.match(said.slice(-3).join(' '), /hit/, path);
  }
});

for (const [said, status, from, to] of [
  ['500-1499', 206, 500, 1500],
  ['500-', 206, 500, 2048],
  ['-500', 206, 1548, 2048],
  ['2000-5000', 206, 2000, 2048],
  ['5000-10000', 416, 0, 0],
] as const)
  test(`the range ${said} of a blob of 2048 bytes is ${status}`, async () => {
    const answer = await pull(`blobs/${layer.digest}`, '-H', `Range: bytes=${said}`);
    assert.equal(answer.status, status);
    if (status === 206) assert.ok(answer.body.equals(layer.bytes.subarray(from, to)));
  });

for (const [path, status, code] of [
  [`app/blobs/${blobOf('absent').digest}`, 404, 'BLOB_UNKNOWN'],
  [`app/blobs/${blobOf('absent', 'sha512').digest}`, 404, 'BLOB_UNKNOWN'],
  ['app/blobs/sha256:abc', 400, 'DIGEST_INVALID'],
  [`app/blobs/${layer.digest.toUpperCase()}`, 400, 'DIGEST_INVALID'],
  [`other/blobs/${layer.digest}`, 404, 'BLOB_UNKNOWN'],
  ['app/manifests/absent', 404, 'MANIFEST_UNKNOWN'],
  [`app/manifests/${blobOf('absent').digest}`, 404, 'MANIFEST_UNKNOWN'],
  [`app/manifests/${layer.digest}`, 404, 'MANIFEST_UNKNOWN'],
  ['app/manifests/sha256:abc', 400, 'DIGEST_INVALID'],
  ['app/manifests/.hidden', 404, 'MANIFEST_UNKNOWN'],
  [`app/manifests/${'x'.repeat(129)}`, 404, 'MANIFEST_UNKNOWN'],
  ['App/manifests/v1', 400, 'NAME_INVALID'],
  ['app//manifests/v1', 400, 'NAME_INVALID'],
  ['x/../app/manifests/v1', 400, 'NAME_INVALID'],
  ['app/_tags/manifests/v1', 400, 'NAME_INVALID'],
  ['app%2Fx/manifests/v1', 404, 'NAME_UNKNOWN'],
  ['app%00/manifests/v1', 404, 'NAME_UNKNOWN'],
  [`${'x/'.repeat(130)}x/manifests/v1`, 400, 'NAME_INVALID'],
  ['app/nothing/v1', 404, 'NAME_UNKNOWN'],
] as const)
  test(`GET /v2/${path.slice(0, 60)} is ${status} ${code}`, async () => {
    assert.deepEqual(refusalIn(await registry.server.curl(`/v2/${path}`)), [status, code]);
  });

for (const digest of [
  `sha256:${'0'.repeat(65)}`,
  `sha512:${'0'.repeat(129)}`,
  `sha256:${'0'.repeat(7000)}`,
  ':'.repeat(7000),
  `md5:${'0'.repeat(32)}`,
])
  test(`a digest of ${digest.length} characters, ${digest.slice(0, 8)}…, is 400 DIGEST_INVALID`, async () => {
    for (const [method, path] of [
      ...[...['blobs', 'manifests', 'referrers'].map((kind) => ['GET', `${kind}/${digest}`] as const)],
      ...[...['blobs', 'manifests'].map((kind) => ['DELETE', `${kind}/${digest}`] as const)],
      ['POST', `blobs/uploads/?digest=${digest}`],
      ['POST', `blobs/uploads/?mount=${digest}&from=other`],
    ] as const)
      assert.deepEqual(
        refusalIn(await registry.ask(method, `/v2/app/${path}`)),
        [400, 'DIGEST_INVALID'],
        path,
      );
    const put = await registry.put('app', digest, imageOf(config, [layer]));
    assert.deepEqual(refusalIn(put), [400, 'DIGEST_INVALID']);
  });

test('a method that a path does not have is 405 UNSUPPORTED', async () => {
  assert.deepEqual(refusalIn(await registry.ask('POST', '/v2/app/manifests/v1')), [405, 'UNSUPPORTED']);
});
