// Upkeep of manifests without a tag: whoever found an index counts on all that is below it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sitesSchema } from '../../../src/config/sites.ts';
import { EngineRequest } from '../../../src/engine/engine_request.ts';
import { readManifest } from '../../../src/protocols/oci/content.ts';
import { targetOf } from '../../../src/protocols/oci/registry.ts';
import { Upkeep } from '../../../src/protocols/oci/upkeep.ts';
import type { Services } from '../../../src/sites/mount.ts';
import { openTestApp } from '../../support/app.ts';
import { type Blob, blobOf, described, imageOf, jsonOf, types } from '../../support/registry.ts';
import { until } from '../../support/wait.ts';

const app = await openTestApp();
after(() => app.close());

const days = 30;
const sites = sitesSchema.parse([
  {
    ...{ path: '/v2/', protocol: 'oci', bucket: 'live' },
    registry: { graceSeconds: 0, retention: [{ untaggedDays: days }] },
  },
]);
const noted = new Map<string, { at: number }>();
const uses = {
  of: (bucket: string, name: string) => noted.get(`${bucket}/${name}`),
  note: (bucket: string, name: string, use: { at: number } | undefined) => {
    if (use) noted.set(`${bucket}/${name}`, use);
    else noted.delete(`${bucket}/${name}`);
  },
  flush: async () => {},
  oldest: () => [],
} as unknown as NonNullable<Services['uses']>;
let now = Date.now();
const upkeep = new Upkeep({
  services: { ...app.services, uses },
  ...{ sites: () => sites ?? [], stale: () => {}, now: () => now },
});

const nameOf = (repository: string, kind: string, { digest }: Blob) =>
  `${repository}/_${kind}/${digest.replace(':', '/')}`;
const indexOf = (below: Blob, type: string, more: object = {}) =>
  jsonOf({ schemaVersion: 2, mediaType: types.index, manifests: [described(below, type)], ...more });

/** An image in three levels of indexes, and a signature of the image; no tag. */
async function pushed(repository: string) {
  const [config, layer] = [blobOf(`{"of":"${repository}"}`), blobOf(`a layer of ${repository}`)];
  const image = imageOf(config, [layer]);
  const signature = imageOf(config, [], { subject: described(image, types.image) });
  const low = indexOf(image, types.image);
  const middle = indexOf(low, types.index);
  const top = indexOf(middle, types.index, { annotations: { it: 'is the top' } });
  for (const blob of [config, layer])
    await app.put(`/o/live/${nameOf(repository, 'blobs', blob)}`, blob.bytes);
  const manifests = { top, middle, low, image, signature };
  for (const each of Object.values(manifests))
    await app.put(`/o/live/${nameOf(repository, 'manifests', each)}`, each.bytes);
  const since = (each: Blob) => noted.get(`live/${nameOf(repository, 'manifests', each)}`)?.at ?? 0;
  return { manifests, since };
}

async function round(repository: string, dryRun = false) {
  for await (const done of upkeep.run({ dryRun, only: { bucket: 'live', name: repository } })) {
    assert.equal(done.fault, undefined);
    return { manifests: done.manifests, blobs: done.blobs, waiting: done.waiting.manifests };
  }
  return undefined;
}

/** A client that asks for it by its digest. */
async function read(repository: string, { digest }: Blob): Promise<void> {
  const [registry] = upkeep.registries();
  assert.ok(registry);
  const target = `/v2/${repository}/manifests/${digest}`;
  const asked = { mount: 1, codings: 0, method: 'GET', target, head: '', authority: '' };
  const request = new EngineRequest({ ...asked, hasBody: false, subject: '' });
  const answer = await readManifest(registry)(request, targetOf(registry, repository, digest));
  assert.equal(answer.kind, 'deliver');
}

test('an untagged index that is read keeps what it names at any depth, and what refers to it', async () => {
  const { manifests, since } = await pushed('read');
  now = Date.now();
  assert.deepEqual(await round('read'), { manifests: [], blobs: 0, waiting: 5 });
  const first = Math.max(...Object.values(manifests).map(since));
  await until(Date.now, (time) => time > first, 'the clock stands');
  await read('read', manifests.top);
  // The time of all but the top is over.
  now = first + days * 86_400_000;
  assert.ok(since(manifests.top) > first);
  for (const dryRun of [true, false])
    assert.deepEqual(await round('read', dryRun), { manifests: [], blobs: 0, waiting: 5 });
  now = since(manifests.top) + days * 86_400_000;
  const { top, middle, low, image, signature } = manifests;
  const order = [top, middle, low, image, signature].map(({ digest }) => digest);
  assert.deepEqual((await round('read', true))?.manifests, order);
  assert.deepEqual((await round('read'))?.manifests, order, 'each behind what names it');
});

test('an index that comes when those below it have waited for their time keeps them', async () => {
  const { manifests, since } = await pushed('late');
  now = Date.now();
  await round('late');
  now = Math.max(...Object.values(manifests).map(since)) + days * 86_400_000;
  const late = indexOf(manifests.top, types.index);
  await app.put(`/o/live/${nameOf('late', 'manifests', late)}`, late.bytes);
  assert.deepEqual(await round('late'), { manifests: [], blobs: 0, waiting: 6 });
});
