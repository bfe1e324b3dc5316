// Content management, as the conformance suite of the specification does: what is deleted is gone at once,
// also where a plan for it was kept.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, described, imageOf, refusalIn, TestRegistry, types } from '../../support/registry.ts';

const registry = await TestRegistry.start();
after(() => registry.stop());

const config = blobOf('{}');
const layer = blobOf(randomBytes(100));
await registry.push('app', config, layer);

/** The status for each of two workers, which may have kept a plan. */
async function statusOf(path: string): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < 6; round++) all.push((await registry.server.curl(`/v2/${path}`)).status);
  return [...new Set(all)];
}

test('DELETE of a tag leaves the manifest and its other tags', async () => {
  const image = imageOf(config, [layer], { annotations: { test: 'tag' } });
  for (const tag of ['one', 'two']) await registry.put('app', tag, image);
  assert.deepEqual(await statusOf('app/manifests/one'), [200]);
  assert.equal((await registry.ask('DELETE', '/v2/app/manifests/one')).status, 202);
  assert.deepEqual(await statusOf('app/manifests/one'), [404]);
  assert.deepEqual(await statusOf('app/manifests/two'), [200]);
  assert.deepEqual(await statusOf(`app/manifests/${image.digest}`), [200]);
});

test('DELETE of a manifest by digest takes its tags along, and no other', async () => {
  const image = imageOf(config, [layer], { annotations: { test: 'manifest' } });
  const other = imageOf(config, [layer], { annotations: { test: 'other' } });
  for (const tag of ['a', 'b']) await registry.put('app', tag, image);
  await registry.put('app', 'c', other);
  assert.deepEqual(await statusOf(`app/manifests/${image.digest}`), [200]);
  assert.equal((await registry.ask('DELETE', `/v2/app/manifests/${image.digest}`)).status, 202);
  for (const reference of [image.digest, 'a', 'b'])
    assert.deepEqual(await statusOf(`app/manifests/${reference}`), [404], reference);
  assert.deepEqual(await statusOf('app/manifests/c'), [200]);
  const { tags } = JSON.parse((await registry.server.curl('/v2/app/tags/list')).body.toString());
  assert.deepEqual(tags, ['c', 'two']);
});

test('DELETE of a manifest by its SHA-512 takes its SHA-256 and its tags along', async () => {
  const image = imageOf(config, [layer], { annotations: { test: 'sha512' } });
  const { digest } = blobOf(image.bytes, 'sha512');
  await registry.put('app', `${digest}?tag=long`, image);
  assert.equal((await registry.ask('DELETE', `/v2/app/manifests/${digest}`)).status, 202);
  for (const reference of [digest, image.digest, 'long'])
    assert.deepEqual(await statusOf(`app/manifests/${reference}`), [404], reference);
});

test('DELETE of a manifest with a subject takes it out of the list of referrers', async () => {
  const subject = described(imageOf(config, [layer]), types.image);
  const artifact = imageOf(config, [], { subject });
  await registry.put('app', artifact.digest, artifact);
  const listed = async () =>
    JSON.parse((await registry.server.curl(`/v2/app/referrers/${subject.digest}`)).body.toString()).manifests;
  assert.equal((await listed()).length, 1);
  assert.equal((await registry.ask('DELETE', `/v2/app/manifests/${artifact.digest}`)).status, 202);
  assert.deepEqual(await listed(), []);
});

test('DELETE of a blob is for its repository alone, and the blob can be pushed again', async () => {
  const blob = blobOf(randomBytes(100));
  await registry.push('app', blob);
  await registry.push('other', blob);
  assert.deepEqual(await statusOf(`app/blobs/${blob.digest}`), [200]);
  assert.equal((await registry.ask('DELETE', `/v2/app/blobs/${blob.digest}`)).status, 202);
  assert.deepEqual(await statusOf(`app/blobs/${blob.digest}`), [404]);
  assert.deepEqual(await statusOf(`other/blobs/${blob.digest}`), [200]);
  await registry.push('app', blob);
  assert.deepEqual(await statusOf(`app/blobs/${blob.digest}`), [200]);
});

for (const [path, code] of [
  ['manifests/absent', 'MANIFEST_UNKNOWN'],
  [`manifests/${blobOf('absent').digest}`, 'MANIFEST_UNKNOWN'],
  [`blobs/${blobOf('absent').digest}`, 'BLOB_UNKNOWN'],
] as const)
  test(`DELETE of ${path.slice(0, 24)} that is not there is 404 ${code}`, async () => {
    assert.deepEqual(refusalIn(await registry.ask('DELETE', `/v2/app/${path}`)), [404, code]);
  });
