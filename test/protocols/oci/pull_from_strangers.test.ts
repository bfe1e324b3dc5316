// Pulling through registries that lie, that are slow, that limit their clients, and whose credentials are
// not for everybody.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, beforeEach, test } from 'node:test';
import { blobOf, imageOf, jsonOf, refusalIn, types } from '../../support/registry.ts';
import { startWireRegistry, tagged } from '../../support/registry_wire.ts';
import { startMirrors, startUpstream } from '../../support/upstream.ts';
import { until } from '../../support/wait.ts';

const first = await startWireRegistry();
const second = await startWireRegistry();
/** Where blobs are, and a token server that nobody named. */
const elsewhere = await startUpstream((_, response) => response.end());
const usual = { attempts: 1, idleSeconds: 0.5, maxBytes: 5_000_000 };
const pulling = await startMirrors(
  {
    first: {
      ...{ ...usual, url: `${first.url}v2/`, redirectsTo: ['localhost'] },
      registry: { credentials: './first.credentials' },
    },
    second: { ...usual, url: `${second.url}v2/` },
  },
  [
    {
      ...{ path: '/v2/', protocol: 'oci', upstreams: ['first', 'second'] },
      mirror: { rules: [{ match: '/v2/**/manifests/now', freshSeconds: 0 }], negativeSeconds: 0 },
    },
  ],
  { 'first.credentials': 'user:secret' },
);
const { server } = pulling;
after(async () => {
  await pulling.stop();
  for (const each of [first, second, elsewhere]) each.close();
});
beforeEach(() => {
  for (const each of [first, second, elsewhere]) {
    each.asked.length = 0;
    each.fields.length = 0;
  }
  first.before = () => false;
});

const get = (path: string, ...args: string[]) => server.curl(`/v2/${path}`, ...args);
const config = blobOf('{}');
const blob = blobOf(randomBytes(300_000));
const image = imageOf(config, [blob]);
let repositories = 0;
const fresh = () => `repository-${++repositories}`;

test('a blob with other bytes than its digest is cut, not kept, and in log and metrics', async () => {
  const at = `${fresh()}/blobs/${blob.digest}`;
  first.has.set(at, { bytes: Buffer.alloc(300_000) });
  await assert.rejects(get(at), /ended with (18|56)/);
  first.has.set(at, blob);
  assert.ok((await get(at)).body.equals(blob.bytes));
  await pulling.logged(/an object of a mirror was not kept/);
  const metrics = await (await fetch(`${server.control}/metrics`)).text();
  assert.match(metrics, /sealgate_upstream_digest_mismatches_total\{upstream="first"\} 1/);
});

for (const [title, bytes] of [
  ['shorter than its length', 200_000],
  ['that stops in the middle', -200_000],
] as const)
  test(`a blob ${title} is cut for the client and not kept`, async () => {
    const at = `${fresh()}/blobs/${blob.digest}`;
    first.before = (_, response) => {
      response.writeHead(200, { 'Content-Length': 300_000 });
      response.write(blob.bytes.subarray(0, Math.abs(bytes)), () => bytes > 0 && response.destroy());
      return true;
    };
    // It broke off before the head was sent to the client: 502 from the fetch, or 503 from who followed it.
    const cut = get(at).then(
      ({ status }) => `${status}`,
      (error) => `${error}`,
    );
    assert.match(await cut, /ended with (18|56)|^50[23]$/);
    first.before = () => false;
    first.has.set(at, blob);
    // Who comes in the moment of the end may get what those get who waited.
    const again = () => get(at).catch(() => undefined);
    await until(again, (answer) => answer?.body.equals(blob.bytes) === true, 'the blob is not sent');
  });

test('a blob without an end is cut at the most bytes of the upstream', async () => {
  first.before = (_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      response.once('drain', more);
    };
    more();
    return true;
  };
  await assert.rejects(get(`${fresh()}/blobs/${blob.digest}`), /ended with (18|56)/);
});

const layers = (count: number) =>
  `{"schemaVersion":2,"config":${JSON.stringify({ mediaType: 'a/b', digest: config.digest, size: 2 })},` +
  `"layers":[${Array.from({ length: count }, () => '{}').join()}]}`;
for (const [title, bytes, type] of [
  ['nested two million times', Buffer.from('['.repeat(2_000_000)), types.image],
  ['of a million layers', Buffer.from(layers(1_000_000)), types.image],
  ['of 2000 layers', Buffer.from(layers(2000)), types.image],
  ['of 5 MB', Buffer.from(layers(1).padEnd(5_000_000)), types.image],
  ['that is no JSON', Buffer.from('no'), types.image],
  ['of an unknown type', image.bytes, 'text/html'],
  [
    'that is an index and an image',
    jsonOf({ ...JSON.parse(`${image.bytes}`), manifests: [] }).bytes,
    types.image,
  ],
] as const)
  test(`a manifest ${title} is 502, and not kept`, async () => {
    const repository = fresh();
    tagged(first, repository, 'v1', blobOf(bytes), type);
    assert.deepEqual(refusalIn(await get(`${repository}/manifests/v1`)), [502, 'UNKNOWN']);
    tagged(first, repository, 'v1', image, types.image);
    assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
  });

test('a tag whose manifest is gone before it is fetched is pulled as what it names by then', async () => {
  const repository = fresh();
  const next = imageOf(config, []);
  tagged(first, repository, 'v1', next, types.image);
  first.before = (request, response) => {
    if (request.method !== 'HEAD') return false;
    response.writeHead(200, { 'Content-Type': types.image, 'Docker-Content-Digest': image.digest }).end();
    return true;
  };
  const { headers, body } = await get(`${repository}/manifests/v1`);
  assert.ok(body.equals(next.bytes));
  assert.equal(headers.get('docker-content-digest'), next.digest);
});

test('a tag that moves during each of 30 pulls is always one whole manifest, with its digest', async () => {
  const repository = fresh();
  const images = [image, imageOf(config, []), imageOf(config, [blob], { annotations: { a: 'b' } })] as const;
  for (const each of images) tagged(first, repository, 'now', each, types.image);
  let at = 0;
  first.before = () => {
    const served = images[++at % 3] ?? image;
    first.has.set(`${repository}/manifests/now`, { ...served, type: types.image });
    return false;
  };
  for (let round = 0; round < 30; round++) {
    const { status, headers, body } = await get(`${repository}/manifests/now`);
    assert.equal(status, 200);
    assert.equal(blobOf(body).digest, headers.get('docker-content-digest'));
    assert.ok(images.some(({ digest }) => digest === headers.get('docker-content-digest')));
  }
});

test('what the first upstream does not have is asked of the second', async () => {
  const repository = fresh();
  tagged(second, repository, 'v1', image, types.image);
  second.has.set(`${repository}/blobs/${blob.digest}`, blob);
  assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
  assert.equal((await get(`${repository}/blobs/${blob.digest}`)).status, 200);
  assert.deepEqual(refusalIn(await get(`${repository}/manifests/v2`)), [404, 'MANIFEST_UNKNOWN']);
});

test('20 clients that want one blob make one fetch, and what is kept makes none', async () => {
  const at = `${fresh()}/blobs/${blob.digest}`;
  first.has.set(at, blob);
  const all = await Promise.all(Array.from({ length: 20 }, () => get(at)));
  assert.ok(all.every(({ body }) => body.equals(blob.bytes)));
  assert.ok((await get(at)).body.equals(blob.bytes));
  assert.deepEqual(first.asked, [`GET /v2/${at}`]);
});

/** Wants a token for each repository. @param realm where it is given. */
function wantsToken(realm: string, given: string[] = []): void {
  first.before = (request, response) => {
    const url = new URL(request.url ?? '', first.url);
    if (url.pathname === '/token') {
      given.push(`${url.search} ${request.headers.authorization}`);
      response.end(JSON.stringify({ token: 'abc', expires_in: 300 }));
      return true;
    }
    if (request.headers.authorization === 'Bearer abc') return false;
    const challenge = `Bearer realm="${realm}",service="a, b",scope="repository:*:push,delete"`;
    response.writeHead(401, { 'WWW-Authenticate': challenge }).end();
    return true;
  };
}

test('8 pulls of a repository ask for one token, to pull alone, with the credentials', async () => {
  const repository = fresh();
  const given: string[] = [];
  const blobs = Array.from({ length: 8 }, (_, i) => blobOf(`blob ${i}`));
  for (const each of blobs) first.has.set(`${repository}/blobs/${each.digest}`, each);
  wantsToken(`${first.url}token`, given);
  const all = await Promise.all(blobs.map(({ digest }) => get(`${repository}/blobs/${digest}`)));
  assert.deepEqual(
    all.map(({ status }) => status),
    blobs.map(() => 200),
  );
  const query = `?service=a%2C+b&scope=repository%3A${repository}%3Apull`;
  assert.deepEqual(given, [`${query} Basic ${btoa('user:secret')}`]);
});

/** Gives tokens to everybody, and shows nothing of a repository to who has one. */
function denies(status: 401 | 403): void {
  wantsToken(`${first.url}token`);
  const { before } = first;
  first.before = (request, response) => {
    if (before(request, response)) return true;
    const challenge = `Bearer realm="${first.url}token",error="insufficient_scope"`;
    response.writeHead(status, status === 401 ? { 'WWW-Authenticate': challenge } : {}).end();
    return true;
  };
}

for (const status of [401, 403] as const)
  test(`what the first upstream denies by ${status} is asked of the second, or 404`, async () => {
    const repository = fresh();
    denies(status);
    tagged(second, repository, 'v1', image, types.image);
    second.has.set(`${repository}/blobs/${blob.digest}`, blob);
    second.has.set(`${repository}/tags/list`, { bytes: Buffer.from('{"name":"a","tags":["v1"]}') });
    assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
    assert.equal((await get(`${repository}/blobs/${blob.digest}`, '-I')).status, 200);
    assert.ok((await get(`${repository}/blobs/${blob.digest}`)).body.equals(blob.bytes));
    assert.match(`${(await get(`${repository}/tags/list`)).body}`, /"v1"/);
    assert.deepEqual(refusalIn(await get(`${repository}/manifests/v2`)), [404, 'MANIFEST_UNKNOWN']);
  });

test('a tag that the first upstream sent and denies now is not what the second has', async () => {
  const repository = fresh();
  tagged(first, repository, 'now', image, types.image);
  tagged(second, repository, 'now', imageOf(config, []), types.image);
  assert.equal((await get(`${repository}/manifests/now`)).status, 200);
  denies(403);
  assert.ok((await get(`${repository}/manifests/now`)).body.equals(image.bytes));
});

test('an upstream whose token server takes no credentials is 502, and the second is not asked', async () => {
  const repository = fresh();
  wantsToken(`${first.url}token`);
  const { before } = first;
  first.before = (request, response) => {
    if (!request.url?.startsWith('/token')) return before(request, response);
    response.writeHead(401).end();
    return true;
  };
  tagged(second, repository, 'v1', image, types.image);
  assert.deepEqual(refusalIn(await get(`${repository}/manifests/v1`)), [502, 'UNKNOWN']);
  assert.deepEqual(second.asked, []);
});

test('a token server on a host that is not named is not asked, and gets no credentials', async () => {
  wantsToken(`${elsewhere.url}token`);
  assert.deepEqual(refusalIn(await get(`${fresh()}/manifests/v1`)), [502, 'UNKNOWN']);
  assert.deepEqual(elsewhere.asked, []);
  await pulling.logged(/registry\.realms/);
});

test('a blob that is elsewhere is fetched there without credentials, by GET alone', async () => {
  const repository = fresh();
  wantsToken(`${first.url}token`);
  const { before } = first;
  first.before = (request, response) => {
    if (before(request, response)) return true;
    response.writeHead(307, { Location: `http://localhost:${elsewhere.port}/storage` }).end();
    return true;
  };
  elsewhere.answer = (request, response) => {
    if (request.method !== 'GET') return void response.writeHead(403).end();
    response.writeHead(200, { 'Content-Length': blob.size }).end(blob.bytes);
  };
  const at = `${repository}/blobs/${blob.digest}`;
  const { status, headers } = await get(at, '-I');
  assert.deepEqual([status, headers.get('content-length')], [200, '300000']);
  assert.ok((await get(at)).body.equals(blob.bytes));
  assert.deepEqual(elsewhere.asked, ['GET /storage', 'GET /storage']);
  assert.deepEqual(
    elsewhere.fields.map(({ authorization }) => authorization),
    [undefined, undefined],
  );
});

test('a registry that wants Basic gets credentials, and the next request shows them at once', async () => {
  const repository = fresh();
  tagged(first, repository, 'v1', image, types.image);
  first.before = ({ headers }, response) => {
    if (headers.authorization === `Basic ${btoa('user:secret')}`) return false;
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="a"' }).end();
    return true;
  };
  assert.equal((await get(`${repository}/manifests/v1`)).status, 200);
  assert.deepEqual(first.asked.length, 3);
});

test('429 with Retry-After leaves it alone; what is kept is sent, and the rest is 503', async () => {
  const repository = fresh();
  tagged(first, repository, 'now', image, types.image);
  assert.equal((await get(`${repository}/manifests/now`)).status, 200);
  first.asked.length = 0;
  first.before = (_, response) => {
    response.writeHead(429, { 'Retry-After': '60' }).end();
    return true;
  };
  for (let round = 0; round < 3; round++)
    assert.equal((await get(`${repository}/manifests/now`)).status, 200);
  const { status, headers } = await get(`${repository}/manifests/other`);
  assert.equal(status, 503);
  assert.ok(Number(headers.get('retry-after')) > 50);
  assert.equal(first.asked.length, 1);
});
