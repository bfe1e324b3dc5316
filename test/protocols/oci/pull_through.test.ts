// Pulling through a registry that has nothing itself: the upstream is another one, which wants tokens.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { layout, skopeo } from '../../support/images.ts';
import { blobOf, imageOf, TestRegistry, types } from '../../support/registry.ts';
import { freePort } from '../../support/server.ts';
import { startMirrors } from '../../support/upstream.ts';

const port = await freePort();
const upstream = await TestRegistry.start(
  { publicUrl: `https://127.0.0.1:${port}/v2/`, auth: 'token' },
  {},
  ...['--listen', `https://127.0.0.1:${port}`],
);
const { token, certificate } = upstream.site;
const url = `https://127.0.0.1:${port}/v2/`;
const pulling = await startMirrors(
  {
    hub: {
      ...{ url, ca: certificate, attempts: 1 },
      registry: { credentials: './hub.credentials', namespaces: ['hub.example.org'] },
    },
    nobody: { url, ca: certificate, attempts: 1 },
  },
  [
    {
      ...{ path: '/v2/', protocol: 'oci', upstreams: ['hub'], cacheStatus: true },
      mirror: {
        local: ['/v2/own/**'],
        rules: [{ match: '/v2/**/manifests/moving', freshSeconds: 0 }],
        negativeSeconds: 0,
      },
    },
    { path: '/anonymous/v2/', prefix: 'anonymous/', protocol: 'oci', upstreams: ['nobody'] },
  ],
  { 'hub.credentials': `user:${token}` },
);
const { server } = pulling;
after(async () => {
  await pulling.stop();
  await upstream.stop();
});

const get = (path: string, ...args: string[]) => server.curl(`/v2/${path}`, ...args);

test('skopeo pulls an image of 3 layers that only the upstream has, by a token', async () => {
  const dir = await layout(upstream, 3);
  const creds = `--dest-creds=user:${token}`;
  const there = `docker://${upstream.host}/team/app:v1`;
  await skopeo(upstream, 'copy', creds, '--dest-tls-verify=false', `oci:${dir}`, there);
  const back = join(pulling.site.dir, 'back');
  const here = `docker://${new URL(server.url).host}/team/app:v1`;
  await skopeo(upstream, 'copy', '--src-no-creds', '--src-tls-verify=false', here, `oci:${back}`);
  const [sent, got] = await Promise.all(
    [dir, back].map(async (each) => JSON.parse(await readFile(join(each, 'index.json'), 'utf8'))),
  );
  assert.equal(got.manifests[0].digest, sent.manifests[0].digest);
});

const config = blobOf('{}');
const layer = blobOf(randomBytes(200_000));
const image = imageOf(config, [layer]);
await upstream.push('app', config, layer);
await upstream.put('app', 'v1', image);

test('a manifest and its blobs have the fields and bytes of a registry, cold and warm', async () => {
  for (const time of ['cold', 'warm'])
    for (const [path, blob, type] of [
      ['manifests/v1', image, types.image],
      [`manifests/${image.digest}`, image, types.image],
      [`blobs/${layer.digest}`, layer, 'application/octet-stream'],
    ] as const) {
      const { status, headers, body } = await get(`app/${path}`);
      assert.equal(status, 200, `${time} ${path} ${body}`);
      assert.ok(body.equals(blob.bytes));
      assert.equal(headers.get('docker-content-digest'), blob.digest);
      assert.equal(headers.get('content-type'), type);
    }
});
