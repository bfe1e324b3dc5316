// Pushing, as the conformance suite of the specification does: blobs in one request, in two and in chunks,
// with both algorithms, mounts, and the manifests that name them.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import {
  type Algorithm,
  type Blob,
  blobOf,
  described,
  imageOf,
  jsonOf,
  refusalIn,
  TestRegistry,
  types,
} from '../../support/registry.ts';

const registry = await TestRegistry.start();
after(() => registry.stop());

const octets = ['-H', 'Content-Type: application/octet-stream'];
const range = (from: number, to: number) => ['-H', `Content-Range: ${from}-${to}`];
const chunked = ['-H', 'Transfer-Encoding: chunked'];

async function assertThere(repository: string, { bytes, digest }: Blob): Promise<void> {
  const got = await registry.ask('GET', `/v2/${repository}/blobs/${digest}`);
  assert.deepEqual([got.status, got.headers.get('docker-content-digest')], [200, digest]);
  assert.ok(got.body.equals(bytes));
}

for (const algorithm of ['sha256', 'sha512'] as const satisfies Algorithm[]) {
  const some = (size = 1000) => blobOf(randomBytes(size), algorithm);
  const repository = `push/${algorithm}`;

  test(`${algorithm}: POST with the digest and the bytes stores a blob`, async () => {
    const blob = some();
    const path = `/v2/${repository}/blobs/uploads/?digest=${encodeURIComponent(blob.digest)}`;
    const { status, headers } = await registry.send('POST', path, blob.bytes, ...octets);
    assert.deepEqual([status, headers.get('docker-content-digest')], [201, blob.digest]);
    assert.equal(headers.get('location'), `/v2/${repository}/blobs/${blob.digest}`);
    await assertThere(repository, blob);
  });

  test(`${algorithm}: POST and PUT of all bytes store a blob, also an empty one`, async () => {
    const all = [some(), blobOf('', algorithm), blobOf('{}', algorithm)];
    await registry.push(repository, ...all);
    for (const blob of all) await assertThere(repository, blob);
  });

  test(`${algorithm}: two PATCH with Content-Range and a PUT of the rest store a blob`, async () => {
    const { bytes, ...blob } = some(3000);
    const at = await registry.begin(repository);
    const first = await registry.send('PATCH', at, bytes.subarray(0, 1000), ...octets, ...range(0, 999));
    assert.deepEqual([first.status, first.headers.get('range')], [202, '0-999']);
    const to = first.headers.get('location') ?? '';
    const second = await registry.send('PATCH', to, bytes.subarray(1000, 2000), ...range(1000, 1999));
    assert.deepEqual([second.status, second.headers.get('range')], [202, '0-1999']);
    const rest = bytes.subarray(2000);
    const put = await registry.send('PUT', `${to}?digest=${blob.digest}`, rest, ...range(2000, 2999));
    assert.equal(put.status, 201);
    await assertThere(repository, { ...blob, bytes });
  });

  test(`${algorithm}: a PATCH without a length and an empty PUT store a blob`, async () => {
    const blob = some(100_000);
    const at = await registry.begin(repository);
    const patch = await registry.send('PATCH', at, blob.bytes, ...octets, ...chunked);
    assert.deepEqual([patch.status, patch.headers.get('range')], [202, '0-99999']);
    const put = await registry.ask('PUT', `${at}?digest=${blob.digest}`, '-H', 'Content-Length: 0');
    assert.equal(put.status, 201);
    await assertThere(repository, blob);
  });

  test(`${algorithm}: bytes with another digest than promised are 400, in one request or more`, async () => {
    const { digest } = some();
    const { bytes } = some();
    const post = await registry.send('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, bytes);
    assert.deepEqual(refusalIn(post), [400, 'DIGEST_INVALID']);
    const put = await registry.send('PUT', `${await registry.begin(repository)}?digest=${digest}`, bytes);
    assert.deepEqual(refusalIn(put), [400, 'DIGEST_INVALID']);
    const at = await registry.begin(repository);
    await registry.send('PATCH', at, bytes);
    assert.deepEqual(refusalIn(await registry.ask('PUT', `${at}?digest=${digest}`)), [400, 'DIGEST_INVALID']);
    assert.equal((await registry.ask('GET', `/v2/${repository}/blobs/${digest}`)).status, 404);
  });
}

test('a chunk that is not the next one is 416 and says what is there; the next one is taken', async () => {
  const { bytes, ...blob } = blobOf(randomBytes(2000));
  const at = await registry.begin('push/order');
  const early = await registry.send('PATCH', at, bytes.subarray(1000), ...range(1000, 1999));
  assert.deepEqual(refusalIn(early), [416, 'BLOB_UPLOAD_INVALID']);
  assert.deepEqual([early.headers.get('location'), early.headers.get('range')], [at, '0-0']);
  await registry.send('PATCH', at, bytes.subarray(0, 1000), ...range(0, 999));
  const again = await registry.send('PATCH', at, bytes.subarray(0, 1000), ...range(0, 999));
  assert.deepEqual(refusalIn(again), [416, 'BLOB_UPLOAD_INVALID']);
  const state = await registry.ask('GET', at);
  assert.deepEqual([state.status, state.headers.get('range')], [204, '0-999']);
  assert.equal(state.headers.get('location'), at);
  await registry.send('PATCH', at, bytes.subarray(1000), ...range(1000, 1999));
  assert.equal((await registry.ask('PUT', `${at}?digest=${blob.digest}`)).status, 201);
  await assertThere('push/order', { ...blob, bytes });
});

test('a Content-Range that is none, or not of the body, is 416', async () => {
  const at = await registry.begin('push/order');
  const bytes = randomBytes(10);
  for (const said of ['bytes 0-9/10', '0-8', '9-0', 'x', '-9', '0-99999999999999999999']) {
    const answer = await registry.send('PATCH', at, bytes, '-H', `Content-Range: ${said}`);
    assert.deepEqual(refusalIn(answer), [416, 'BLOB_UPLOAD_INVALID'], said);
  }
});

test('an upload that is deleted is gone, for each request', async () => {
  const at = await registry.begin('push/cancel');
  await registry.send('PATCH', at, randomBytes(10));
  assert.equal((await registry.ask('DELETE', at)).status, 204);
  for (const method of ['GET', 'PATCH', 'DELETE'])
    assert.deepEqual(refusalIn(await registry.ask(method, at)), [404, 'BLOB_UPLOAD_UNKNOWN'], method);
  const { digest } = blobOf('');
  assert.deepEqual(refusalIn(await registry.ask('PUT', `${at}?digest=${digest}`)), [
    404,
    'BLOB_UPLOAD_UNKNOWN',
  ]);
});

test('a PUT that is sent again, as its answer was lost, is 201 again', async () => {
  const blob = blobOf(randomBytes(100));
  const at = await registry.begin('push/again');
  await registry.send('PATCH', at, blob.bytes);
  for (const _ of ['first', 'again'])
    assert.equal((await registry.ask('PUT', `${at}?digest=${blob.digest}`)).status, 201);
});

test('a PUT that is sent again is 404 when its blob was deleted since, and 201 once it is back', async () => {
  const blob = blobOf(randomBytes(100));
  const at = await registry.begin('push/again');
  await registry.send('PATCH', at, blob.bytes);
  const put = () => registry.ask('PUT', `${at}?digest=${blob.digest}`);
  assert.equal((await put()).status, 201);
  assert.equal((await registry.ask('DELETE', `/v2/push/again/blobs/${blob.digest}`)).status, 202);
  assert.deepEqual(refusalIn(await put()), [404, 'BLOB_UPLOAD_UNKNOWN']);
  await registry.push('push/again', blob);
  assert.equal((await put()).status, 201);
});

test('a blob is mounted from another repository; what is not there, or has no from, is 202', async () => {
  const blob = blobOf(randomBytes(100));
  await registry.push('mount/from', blob);
  const mount = (repository: string, query: string) =>
    registry.ask('POST', `/v2/${repository}/blobs/uploads/?mount=${query}`);
  const done = await mount('mount/to', `${blob.digest}&from=mount/from`);
  assert.deepEqual([done.status, done.headers.get('location')], [201, `/v2/mount/to/blobs/${blob.digest}`]);
  await assertThere('mount/to', blob);
  for (const query of [blob.digest, `${blob.digest}&from=mount/none`]) {
    const { status, headers } = await mount('mount/other', query);
    assert.equal(status, 202, query);
    assert.equal((await registry.ask('DELETE', headers.get('location') ?? '')).status, 204);
  }
});

const config = blobOf('{}');
const layer = blobOf(randomBytes(500));

test('manifests of images and indexes are stored byte by byte, by digest and by tag', async () => {
  await registry.push('manifests', config, layer);
  const image = imageOf(config, [layer], { 'org.example.own': { kept: [1, 2] } });
  const put = await registry.put('manifests', image.digest, image);
  assert.deepEqual([put.status, put.headers.get('docker-content-digest')], [201, image.digest]);
  const manifests = [described(image, types.image)];
  const index = jsonOf({ schemaVersion: 2, mediaType: types.index, manifests });
  assert.equal((await registry.put('manifests', 'index', index, types.index)).status, 201);
  const docker = imageOf(config, [], { mediaType: types.dockerImage });
  assert.equal((await registry.put('manifests', 'docker', docker, types.dockerImage)).status, 201);
  for (const [reference, { bytes, digest }, type] of [
    [image.digest, image, types.image],
    ['index', index, types.index],
    [index.digest, index, types.index],
    ['docker', docker, types.dockerImage],
  ] as const) {
    const { headers, body } = await registry.ask('GET', `/v2/manifests/manifests/${reference}`);
    assert.deepEqual(
      [headers.get('content-type'), headers.get('docker-content-digest')],
      [type, digest],
      reference,
    );
    assert.ok(body.equals(bytes), reference);
  }
});

test('a manifest by its SHA-512, with tags in the query, is found by both digests and the tags', async () => {
  const image = imageOf(config, [layer], { annotations: { algorithm: 'sha512' } });
  const { digest } = blobOf(image.bytes, 'sha512');
  const { status, headers } = await registry.put('manifests', `${digest}?tag=one&tag=two`, image);
  assert.deepEqual([status, headers.get('docker-content-digest')], [201, digest]);
  assert.equal(headers.get('oci-tag'), 'one, two');
  for (const reference of [digest, image.digest, 'one', 'two'])
    assert.ok((await registry.ask('GET', `/v2/manifests/manifests/${reference}`)).body.equals(image.bytes));
});

test('manifests without layers, sparse, nested and empty indexes, and foreign layers are taken', async () => {
  const absent = blobOf('absent');
  const list = (manifests: unknown[]) => jsonOf({ schemaVersion: 2, mediaType: types.index, manifests });
  const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
  const kept = { ...described(absent, foreign), urls: ['https://example.com/layer'] };
  const inner = list([]);
  const all: [Blob, string][] = [
    [imageOf(config, []), types.image],
    [imageOf(config, [], { artifactType: 'application/x-own', data: 'e30=' }), types.image],
    [imageOf(config, [], { layers: [kept] }), types.image],
    [inner, types.index],
    [list([described(inner, types.index)]), types.index],
    [list([described(absent, types.image)]), types.index],
  ];
  for (const [manifest, type] of all) {
    const { status, body } = await registry.put('manifests', manifest.digest, manifest, type);
    assert.equal(status, 201, `${manifest.bytes}: ${body}`);
  }
});

test('a manifest of 3 MiB is taken, and one of more than 4 MiB is 413', async () => {
  const large = (size: number) => imageOf(config, [], { annotations: { large: 'x'.repeat(size) } });
  assert.equal((await registry.put('manifests', 'large', large(3 * 1024 * 1024))).status, 201);
  const tooLarge = large(4 * 1024 * 1024);
  const { status } = await registry.put('manifests', 'too-large', tooLarge);
  assert.equal(status, 413);
});

for (const [what, manifest, status, code] of [
  ['that names a missing layer', imageOf(config, [blobOf('missing')]), 404, 'MANIFEST_BLOB_UNKNOWN'],
  ['that names a missing config', imageOf(blobOf('missing'), []), 404, 'MANIFEST_BLOB_UNKNOWN'],
  ['that lies about the size of a layer', imageOf(config, [{ ...layer, size: 1 }]), 400, 'MANIFEST_INVALID'],
  ['of 1001 layers', imageOf(config, Array(1001).fill(layer)), 400, 'MANIFEST_INVALID'],
  ['whose mediaType is another', imageOf(config, [], { mediaType: types.index }), 400, 'MANIFEST_INVALID'],
  [
    'with a digest of MD5',
    imageOf({ ...config, digest: `md5:${'0'.repeat(32)}` }, []),
    400,
    'MANIFEST_INVALID',
  ],
  ['that is no JSON', blobOf('{'), 400, 'MANIFEST_INVALID'],
  ['that is no UTF-8', blobOf(Buffer.from([0x22, 0xff, 0x22])), 400, 'MANIFEST_INVALID'],
  ['that is a list in lists', blobOf('['.repeat(1_000_000)), 400, 'MANIFEST_INVALID'],
  ['that is empty', blobOf(''), 400, 'MANIFEST_INVALID'],
  ['of schema 1', imageOf(config, [], { schemaVersion: 1 }), 400, 'MANIFEST_INVALID'],
] as const)
  test(`a manifest ${what} is refused with ${code}, and is not there`, async () => {
    const answer = await registry.put('manifests', 'refused', manifest);
    assert.deepEqual(refusalIn(answer), [status, code]);
    const { status: there } = await registry.ask('GET', '/v2/manifests/manifests/refused');
    assert.equal(there, 404);
  });

test('a manifest under the digest of another, and of an unknown media type, is 400', async () => {
  const image = imageOf(config, [layer]);
  const other = await registry.put('manifests', blobOf('other').digest, image);
  assert.deepEqual(refusalIn(other), [400, 'DIGEST_INVALID']);
  const type = await registry.put('manifests', 'type', image, 'application/json');
  assert.deepEqual(refusalIn(type), [400, 'MANIFEST_INVALID']);
});
