// Pulling through a registry that has nothing itself: the upstream is another one, which wants tokens.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { layout, skopeo } from '../../support/images.ts';
import { blobOf, imageOf, jsonOf, refusalIn, TestRegistry, types } from '../../support/registry.ts';
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
      registry: { credentials: './hub.credentials', namespaces: ['hub.example.org', 'xn--hb-xka.example'] },
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

test('HEAD of a blob that is not here asks the upstream by HEAD and fetches nothing', async () => {
  const blob = blobOf(randomBytes(3_000_000));
  await upstream.push('app', blob);
  const { status, headers } = await get(`app/blobs/${blob.digest}`, '-I');
  assert.equal(status, 200);
  assert.equal(headers.get('content-length'), '3000000');
  assert.equal(headers.get('docker-content-digest'), blob.digest);
  const { body } = await server.curl(
    '/o/mirror/?prefix=app/',
    '-H',
    `Authorization: Bearer ${pulling.site.token}`,
  );
  assert.match(body.toString(), new RegExp(layer.digest.slice(7)));
  assert.doesNotMatch(body.toString(), new RegExp(blob.digest.slice(7)));
});

test('a blob is fetched by its SHA-512, and a manifest too', async () => {
  const blob = blobOf(randomBytes(1000), 'sha512');
  const its = jsonOf({ ...JSON.parse(image.bytes.toString()), annotations: { by: 'sha512' } }, 'sha512');
  await upstream.push('app', blob);
  assert.equal((await upstream.put('app', its.digest, its)).status, 201);
  for (const [path, { bytes }] of [
    [`blobs/${blob.digest}`, blob],
    [`manifests/${its.digest}`, its],
  ] as const) {
    const { status, body } = await get(`app/${path}`);
    assert.equal(status, 200, `${body}`);
    assert.ok(body.equals(bytes));
  }
});

test('a tag that moved names the new manifest; the old one is had by its digest', async () => {
  await upstream.put('app', 'moving', image);
  assert.ok((await get('app/manifests/moving')).body.equals(image.bytes));
  const next = imageOf(config, [layer], { annotations: { version: '2' } });
  await upstream.put('app', 'moving', next);
  const { body, headers } = await get('app/manifests/moving');
  assert.ok(body.equals(next.bytes));
  assert.equal(headers.get('docker-content-digest'), next.digest);
  assert.ok((await get(`app/manifests/${image.digest}`)).body.equals(image.bytes));
});

test('the tags and the referrers of an upstream are listed, a page at a time', async () => {
  for (const tag of ['a1', 'a2', 'a3']) await upstream.put('lists', tag, image);
  await upstream.push('lists', config, layer);
  for (const tag of ['a1', 'a2', 'a3']) await upstream.put('lists', tag, image);
  const first = await get('lists/tags/list?n=2');
  assert.deepEqual(JSON.parse(first.body.toString()), { name: 'lists', tags: ['a1', 'a2'] });
  const [, next = ''] = /^<(\/v2\/[^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
  assert.deepEqual(JSON.parse((await server.curl(next)).body.toString()).tags, ['a3']);
  const about = imageOf(config, [], { subject: { mediaType: types.image, ...image, bytes: undefined } });
  await upstream.put('lists', about.digest, about);
  const { manifests } = JSON.parse((await get(`lists/referrers/${image.digest}`)).body.toString());
  assert.deepEqual(
    manifests.map(({ digest }: { digest: string }) => digest),
    [about.digest],
  );
});

test('a repository that is local is not asked for, and takes pushes; others take none', async () => {
  await upstream.push('own/app', config, layer);
  await upstream.put('own/app', 'v1', image);
  assert.deepEqual(refusalIn(await get('own/app/manifests/v1')), [404, 'MANIFEST_UNKNOWN']);
  assert.deepEqual(refusalIn(await get(`own/app/blobs/${layer.digest}`)), [404, 'BLOB_UNKNOWN']);
  const push = ['-X', 'POST', '-H', `Authorization: Bearer ${pulling.site.token}`];
  assert.equal((await get('own/app/blobs/uploads/', ...push)).status, 202);
  assert.deepEqual(refusalIn(await get('app/blobs/uploads/', ...push)), [403, 'DENIED']);
});

test('?ns= asks the upstream that has this name, and none for another', async () => {
  const { status, headers } = await get('app/manifests/v1?ns=hub.example.org');
  assert.equal(status, 200);
  assert.equal(headers.get('oci-namespace'), 'hub.example.org');
  for (const same of ['HUB.example.org', 'xn--hb-xka.example'])
    assert.equal((await get(`app/manifests/v1?ns=${same}`)).status, 200);
  for (const other of ['127.0.0.1', 'registry.example.org:5000', '[::1]:5000'])
    assert.deepEqual(
      refusalIn(await get(`app/manifests/v1?ns=${other}`, '-g')),
      [404, 'NAME_UNKNOWN'],
      other,
    );
  assert.equal((await get('hub.example.org/app/manifests/v1')).status, 200);
});

for (const [title, query] of [
  ['that is empty', 'ns='],
  ['of 260 characters', `ns=${'a'.repeat(260)}`],
  ['with an end of a line', 'ns=hub.example.org%0d%0aSet-Cookie:%20a=b'],
  ['with a path', 'ns=hub.example.org/app'],
  ['that is there twice', 'ns=hub.example.org&ns=hub.example.org'],
] as const)
  test(`?ns= ${title} is 400 NAME_INVALID, whatever is asked for`, async () => {
    for (const path of ['app/manifests/v1', 'own/app/manifests/v1', '_catalog'])
      assert.deepEqual(refusalIn(await get(`${path}?${query}`)), [400, 'NAME_INVALID'], path);
  });

test('an upstream that wants a token of somebody is 502 without credentials', async () => {
  const { status, body } = await server.curl('/anonymous/v2/app/manifests/v1');
  assert.equal(status, 502, `${body}`);
});

test('with the upstream away what was pulled is pulled still, and the rest is 502', async () => {
  await upstream.server.stop();
  assert.ok((await get('app/manifests/moving')).status === 200);
  assert.ok((await get(`app/blobs/${layer.digest}`)).body.equals(layer.bytes));
  assert.ok((await get('app/tags/list')).body.toString().includes('"moving"'));
  assert.equal((await get('app/manifests/never')).status, 502);
});
