// Content discovery, as the conformance suite of the specification does: tags and referrers, and the
// catalogue of repositories.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type Blob,
  blobOf,
  described,
  imageOf,
  jsonOf,
  refusalIn,
  TestRegistry,
  types,
} from '../../support/registry.ts';

const registry = await TestRegistry.start({ prefix: 'own/' });
after(() => registry.stop());

const config = blobOf('{}');
const image = imageOf(config, []);
const get = (path: string) => registry.server.curl(`/v2/${path}`);
const json = async (path: string) => JSON.parse((await get(path)).body.toString());

await registry.push('app', config);
const tags = ['v10', 'v2', 'A', 'b', 'latest', '_x'];
for (const tag of tags) await registry.put('app', tag, image);
const inOrder = [...tags].sort();

test('tags are listed in the order of their bytes, without those of a repository below', async () => {
  await registry.push('app/below', config);
  await registry.put('app/below', 'other', image);
  const { status, headers, body } = await get('app/tags/list');
  assert.deepEqual([status, headers.get('content-type')], [200, 'application/json']);
  assert.deepEqual(JSON.parse(body.toString()), { name: 'app', tags: inOrder });
  assert.equal(headers.get('link'), undefined);
});

test('pages of two tags lead from one to the next until there is no Link', async () => {
  const found: string[] = [];
  let path: string | undefined = 'app/tags/list?n=2';
  for (let pages = 0; path !== undefined; pages++) {
    assert.ok(pages < 3);
    const answer = await get(path);
    found.push(...JSON.parse(answer.body.toString()).tags);
    path = /^<\/v2\/(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  assert.deepEqual(found, inOrder);
});

test('a list of tags begins behind last, and n=0 is empty', async () => {
  assert.deepEqual((await json('app/tags/list?last=b')).tags, ['latest', 'v10', 'v2']);
  assert.deepEqual((await json('app/tags/list?n=1&last=bb')).tags, ['latest']);
  const none = await get('app/tags/list?n=0');
  assert.deepEqual([JSON.parse(none.body.toString()).tags, none.headers.get('link')], [[], undefined]);
});

test('a repository without tags has an empty list, and none at all is 404 NAME_UNKNOWN', async () => {
  await registry.push('blobs-only', config);
  assert.deepEqual(await json('blobs-only/tags/list'), { name: 'blobs-only', tags: [] });
  assert.deepEqual(refusalIn(await get('absent/tags/list')), [404, 'NAME_UNKNOWN']);
});

test('n and last that are no number and no tag are 400', async () => {
  for (const query of ['n=x', 'n=-1', 'n=99999999999', 'last=../app'])
    assert.equal((await get(`app/tags/list?${query}`)).status, 400, query);
});

const about = { 'org.example.note': 'Grüße' };
const subject = described(image, types.image);
const signature = imageOf(config, [], {
  artifactType: 'application/x-signature',
  subject,
  annotations: about,
});
const report = imageOf(config, [], { subject });
const list = jsonOf({ schemaVersion: 2, mediaType: types.index, manifests: [], subject });

test('manifests with a subject are listed as referrers, with their types and annotations', async () => {
  for (const [manifest, type] of [
    [signature, types.image],
    [report, types.image],
    [list, types.index],
  ] as [Blob, string][]) {
    const put = await registry.put('app', manifest.digest, manifest, type);
    assert.deepEqual([put.status, put.headers.get('oci-subject')], [201, image.digest]);
  }
  const { status, headers, body } = await get(`app/referrers/${image.digest}`);
  assert.deepEqual([status, headers.get('content-type')], [200, types.index]);
  assert.equal(headers.get('oci-filters-applied'), undefined);
  const index = JSON.parse(body.toString());
  assert.deepEqual([index.schemaVersion, index.mediaType], [2, types.index]);
  const wanted = [
    { ...described(signature, types.image), artifactType: 'application/x-signature', annotations: about },
    { ...described(report, types.image), artifactType: types.config },
    described(list, types.index),
  ];
  const inOrder = wanted.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  assert.deepEqual(index.manifests, inOrder);
});

test('referrers of one artifactType are listed alone, and the answer says that it is filtered', async () => {
  const { headers, body } = await get(`app/referrers/${image.digest}?artifactType=application/x-signature`);
  assert.equal(headers.get('oci-filters-applied'), 'artifactType');
  const { manifests } = JSON.parse(body.toString());
  assert.deepEqual(
    manifests.map(({ digest }: Blob) => digest),
    [signature.digest],
  );
});

test('a subject that is not there is taken, and its referrers are listed', async () => {
  const absent = blobOf('absent');
  const manifest = imageOf(config, [], { subject: described(absent, types.image) });
  assert.equal((await registry.put('app', 'refers', manifest)).status, 201);
  const { manifests } = await json(`app/referrers/${absent.digest}`);
  assert.deepEqual(
    manifests.map(({ digest }: Blob) => digest),
    [manifest.digest],
  );
});

test('referrers of what nobody refers to are an empty index, also where there is no repository', async () => {
  for (const path of ['app', 'absent']) {
    const { status, body } = await get(`${path}/referrers/${blobOf('nobody').digest}`);
    assert.deepEqual([status, JSON.parse(body.toString()).manifests], [200, []]);
  }
  assert.deepEqual(refusalIn(await get('app/referrers/sha256:abc')), [400, 'DIGEST_INVALID']);
});

test('annotations of a referrer that are too long for the list are 400, and nothing is stored', async () => {
  const manifest = imageOf(config, [], { subject, annotations: { long: 'x'.repeat(8000) } });
  assert.deepEqual(refusalIn(await registry.put('app', 'long', manifest)), [400, 'MANIFEST_INVALID']);
  assert.equal((await get('app/manifests/long')).status, 404);
});

test('the catalogue lists each repository once, in pages', async () => {
  const all = await json('_catalog');
  assert.deepEqual([...all.repositories].sort(), ['app', 'app/below', 'blobs-only']);
  const found: string[] = [];
  let path: string | undefined = '_catalog?n=1';
  for (let pages = 0; path !== undefined; pages++) {
    assert.ok(pages < 4);
    const answer = await get(path);
    found.push(...JSON.parse(answer.body.toString()).repositories);
    path = /^<\/v2\/(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  assert.deepEqual(found, all.repositories);
});
