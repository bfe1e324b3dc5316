// A bucket whose names end: no layer ends before a manifest that names it, nor a manifest before its index.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blobOf, described, imageOf, jsonOf, TestRegistry, types } from '../../support/registry.ts';
import { runCli } from '../../support/runtime.ts';

const registry = await TestRegistry.start();
after(() => registry.stop());
const control = registry.server.control ?? '';
await runCli('bucket', 'set', 'images', '--ttl', '1d', '--control', control);

/** When each object of a repository ends, by its name behind the repository. */
async function ends(repository: string): Promise<Map<string, number>> {
  const said = await runCli('ls', `images/${repository}/_`, '--json', '--config', registry.site.config);
  const lines = said.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const { name, expires } = JSON.parse(line);
      return [name.slice(repository.length + 2), Date.parse(expires)];
    }),
  );
}

const nameOf = (kind: string, { digest }: { digest: string }) => `${kind}/${digest.replace(':', '/')}`;

test('pushing a manifest makes its layers end no earlier, and pushing an index all below it', async () => {
  const [config, layer] = [blobOf('{}'), blobOf(randomBytes(100))];
  await registry.push('app', config, layer);
  const before = (await ends('app')).get(nameOf('blobs', layer)) ?? 0;
  await sleep(1100);
  const image = imageOf(config, [layer]);
  await registry.put('app', image.digest, image);
  const after = await ends('app');
  const manifest = after.get(nameOf('manifests', image)) ?? Number.NaN;
  for (const blob of [config, layer]) assert.ok((after.get(nameOf('blobs', blob)) ?? 0) >= manifest);
  assert.ok(manifest > before);
  await sleep(1100);
  const manifests = [described(image, types.image)];
  const index = jsonOf({ schemaVersion: 2, mediaType: types.index, manifests });
  await registry.put('app', 'v1', index, types.index);
  const last = await ends('app');
  const end = last.get(nameOf('manifests', index)) ?? Number.NaN;
  assert.ok(end > manifest);
  for (const name of [nameOf('manifests', image), nameOf('blobs', config), nameOf('blobs', layer)])
    assert.ok((last.get(name) ?? 0) >= end, name);
});
