// What operators do with images that were pulled through another registry: sealgate mirror, and eviction.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, described, imageOf, jsonOf, TestRegistry, types } from '../../support/registry.ts';
import { runCli } from '../../support/runtime.ts';
import { startMirrors } from '../../support/upstream.ts';
import { until } from '../../support/wait.ts';

const upstream = await TestRegistry.start();
const pulling = await startMirrors(
  { hub: { url: `${upstream.server.url}/v2/`, ca: upstream.site.certificate, attempts: 1 } },
  [
    {
      ...{ path: '/v2/', protocol: 'oci', upstreams: ['hub'] },
      mirror: { maxBytes: 2_000_000, negativeSeconds: 0 },
    },
  ],
);
const { server, site } = pulling;
after(async () => {
  await pulling.stop();
  await upstream.stop();
});

const config = blobOf('{}');
const layers = Array.from({ length: 3 }, () => blobOf(randomBytes(100_000)));
const image = imageOf(config, layers);
const other = imageOf(config, layers.slice(1));
const index = jsonOf({
  schemaVersion: 2,
  mediaType: types.index,
  manifests: [image, other].map((each) => described(each, types.image)),
});
await upstream.push('team/app', config, ...layers);
for (const each of [image, other]) await upstream.put('team/app', each.digest, each);
await upstream.put('team/app', 'v1', index, types.index);

const mirror = (...args: string[]) => {
  const control = ['--config', site.config, '--control', server.control ?? ''];
  return runCli('mirror', ...args, ...control);
};

test('warm of an image of two platforms fetches index, manifests, and layers once', async () => {
  assert.match(await mirror('warm', 'mirror/team/app:v1'), /1 fetched/);
  assert.match(await mirror('warm', 'mirror/team/app:v1'), /1 kept/);
  const lines = (await mirror('ls', 'mirror/team/app/')).trim().split('\n');
  const names = lines.map((line) => line.split(' ').at(-1));
  assert.equal(names.filter((name) => name?.includes('/_blobs/')).length, 4);
  assert.equal(names.filter((name) => name?.includes('/_manifests/')).length, 3);
  assert.equal(lines.filter((line) => line.includes('always fresh')).length, 7);
  assert.match(await mirror('ls'), /mirror has .* from hub/);
});

test('check says what is the same, what moved, and what is gone', async () => {
  assert.match(await mirror('check', 'mirror/team/app/'), /^8 same/);
  await upstream.put('team/app', 'v1', image);
  await upstream.ask('DELETE', `/v2/team/app/manifests/${index.digest}`);
  const said = await mirror('check', 'mirror/team/app/').catch((error) => `${error}`);
  assert.match(said, /changed {2}mirror\/team\/app\/_tags\/v1/);
  assert.match(said, new RegExp(`gone {2}mirror/team/app/_manifests/sha256/${index.digest.slice(7)}`));
});

test('what is forgotten is fetched again', async () => {
  assert.match(await mirror('forget', 'mirror/team/app/_blobs/**'), /4 forgotten/);
  const [layer = config] = layers;
  const { body } = await server.curl(`/v2/team/app/blobs/${layer.digest}`);
  assert.ok(body.equals(layer.bytes));
});

test('the oldest blobs go when maxBytes is reached, and all are pulled still', async () => {
  const many = Array.from({ length: 6 }, () => blobOf(randomBytes(500_000)));
  await upstream.push('big', ...many);
  for (let round = 0; round < 2; round++)
    for (const each of many)
      assert.ok((await server.curl(`/v2/big/blobs/${each.digest}`)).body.equals(each.bytes));
  const bytes = async () => (await (await fetch(`${server.control}/mirrors`)).json()).mirrors[0].bytes;
  await until(bytes, (kept) => kept <= 2_000_000, 'the mirror is larger than its bound');
});
