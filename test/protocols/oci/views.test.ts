// Views of repositories: what is remembered of them, and for how long.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Common } from '../../../src/protocols/oci/common.ts';
import { type Registry, registryOf } from '../../../src/protocols/oci/registry.ts';
import { Views } from '../../../src/protocols/oci/views.ts';
import type { Services } from '../../../src/sites/mount.ts';
import { openTestApp } from '../../support/app.ts';
import { type Blob, blobOf, imageOf } from '../../support/registry.ts';

const app = await openTestApp();
after(() => app.close());
const services = { ...app.services, uses: {} as NonNullable<Services['uses']> };
const registry = registryOf(services, { host: '*', path: '/v2/', protocol: 'oci', bucket: 'live' });

/** The same registry, of which no manifest can be read. */
const named = { of: () => Promise.reject(new Error('a manifest was read')) };
const unread: Registry = { ...registry, common: { named } as unknown as Common };

const put = (kind: string, { digest, bytes }: Blob) =>
  app.put(`/o/live/app/_${kind}/${digest.replace(':', '/')}`, bytes);
const [config, layer, other] = [blobOf('{}'), blobOf('a layer'), blobOf('another layer')];
const image = imageOf(config, [layer]);
for (const blob of [config, layer, other]) await put('blobs', blob);
await put('manifests', image);
await app.put('/o/live/app/_tags/v1', image.bytes);

test('a repository is looked at again without reading its manifests, until one comes or goes', async () => {
  const views = new Views();
  const first = await views.of(registry, 'app');
  const { pushed, ...counts } = first;
  assert.ok(pushed !== undefined);
  assert.deepEqual(counts, {
    ...{ bucket: 'live', repository: 'app', tags: 1, manifests: 1, blobs: 3 },
    bytes: config.size + layer.size + other.size + image.size,
    totalBytes: config.size + layer.size + image.size,
    freeBytes: other.size,
  });
  assert.deepEqual(await views.of(unread, 'app'), first);
  const next = imageOf(config, [other]);
  await put('manifests', next);
  const { manifests, freeBytes, totalBytes } = await views.of(registry, 'app');
  assert.deepEqual({ manifests, freeBytes }, { manifests: 2, freeBytes: 0 });
  assert.equal(totalBytes, counts.totalBytes + config.size + other.size + next.size);
  await app.ask('DELETE', `/o/live/app/_manifests/${next.digest.replace(':', '/')}`);
  assert.deepEqual(await views.of(registry, 'app'), first);
  await app.put('/o/live/app/_tags/v2', image.bytes);
  assert.equal((await views.of(unread, 'app')).tags, 2, 'what cannot be read is counted as far as it can');
});

test('a view is not remembered of a manifest that could not be read', async () => {
  const views = new Views();
  assert.equal((await views.of(unread, 'app')).totalBytes, image.size);
  assert.equal((await views.of(registry, 'app')).totalBytes, config.size + layer.size + image.size);
});
