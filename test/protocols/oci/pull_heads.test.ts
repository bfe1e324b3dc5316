// HEAD of manifests and tags of other registries: registries count what is fetched, so nothing is.

import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { blobOf, imageOf, types } from '../../support/registry.ts';
import { startWireRegistry, tagged } from '../../support/registry_wire.ts';
import { startMirrors } from '../../support/upstream.ts';

const upstream = await startWireRegistry();
const pulling = await startMirrors({ hub: { attempts: 1, url: `${upstream.url}v2/` } }, [
  {
    ...{ path: '/v2/', protocol: 'oci', upstreams: ['hub'] },
    mirror: { rules: [{ match: '/v2/**/manifests/now', freshSeconds: 0 }], negativeSeconds: 0 },
  },
]);
after(async () => {
  await pulling.stop();
  upstream.close();
});
beforeEach(() => {
  upstream.asked.length = 0;
  upstream.before = () => false;
});

const get = (path: string, ...args: string[]) => pulling.server.curl(`/v2/${path}`, ...args);
const config = blobOf('{}');
const image = imageOf(config, [blobOf('a layer')]);
let repositories = 0;
const fresh = () => `repository-${++repositories}`;
const asked = () => upstream.asked.map((each) => each.replace(/ .*\//, ' '));

test('HEAD of a tag and of a manifest that are not here asks by HEAD alone, and stores nothing', async () => {
  const repository = fresh();
  tagged(upstream, repository, 'v1', image, types.image);
  for (const reference of ['v1', 'v1', image.digest, image.digest]) {
    const { status, headers } = await get(`${repository}/manifests/${reference}`, '-I');
    assert.equal(status, 200);
    assert.equal(headers.get('docker-content-digest'), image.digest);
    assert.equal(headers.get('content-type'), types.image);
    assert.equal(headers.get('content-length'), `${image.size}`);
  }
  assert.deepEqual(asked(), ['HEAD v1', `HEAD ${image.digest}`]);
  const list = ['-H', `Authorization: Bearer ${pulling.site.token}`];
  const { body } = await pulling.server.curl(`/o/mirror/?prefix=${repository}/`, ...list);
  assert.doesNotMatch(body.toString(), /_manifests|_tags/);
});

test('a tag told of by HEAD is kept when its manifest is pulled, and is there in an outage', async () => {
  const repository = fresh();
  tagged(upstream, repository, 'now', image, types.image);
  const head = () => get(`${repository}/manifests/now`, '-I');
  assert.equal((await head()).status, 200);
  assert.ok((await get(`${repository}/manifests/${image.digest}`)).body.equals(image.bytes));
  upstream.before = (_, response) => response.writeHead(500).end() !== undefined;
  for (const { status, headers } of [await head(), await get(`${repository}/manifests/now`)]) {
    assert.equal(status, 200);
    assert.equal(headers.get('docker-content-digest'), image.digest);
  }
});

test('HEAD of a tag says what it names now, when what it named is kept and when that is', async () => {
  const repository = fresh();
  const next = imageOf(config, []);
  const headed = async () =>
    (await get(`${repository}/manifests/now`, '-I')).headers.get('docker-content-digest');
  tagged(upstream, repository, 'now', image, types.image);
  assert.equal((await get(`${repository}/manifests/now`)).status, 200);
  tagged(upstream, repository, 'now', next, types.image);
  upstream.asked.length = 0;
  assert.equal(await headed(), next.digest);
  assert.deepEqual(asked(), ['HEAD now']);
  tagged(upstream, repository, 'now', image, types.image);
  assert.equal(await headed(), image.digest);
  assert.ok(asked().every((each) => each === 'HEAD now'));
});

for (const [title, answer] of [
  ['no digest', { 'Content-Type': types.image, 'Content-Length': image.size }],
  ['no manifest', { 'Content-Type': 'text/html', 'Content-Length': 10 }],
  ['no length', { 'Content-Type': types.image, 'Docker-Content-Digest': image.digest }],
] as const)
  test(`HEAD of a tag is answered from the manifest where HEAD of the upstream says ${title}`, async () => {
    const repository = fresh();
    tagged(upstream, repository, 'v1', image, types.image);
    upstream.before = ({ method }, response) => {
      if (method === 'HEAD') response.writeHead(200, answer).end();
      return method === 'HEAD';
    };
    const { status, headers } = await get(`${repository}/manifests/v1`, '-I');
    assert.equal(status, 200);
    assert.equal(headers.get('docker-content-digest'), image.digest);
    assert.equal(headers.get('content-length'), `${image.size}`);
    assert.ok(asked().some((each) => each.startsWith('GET')));
  });
