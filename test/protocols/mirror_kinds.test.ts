// Mirrors of Maven repositories, Go module proxies and binary caches of Nix: what is asked for once, what
// again, and which bytes are refused.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, beforeEach, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { assertRefused, startMirrors, startUpstream } from '../support/upstream.ts';

const files = new Map<string, string>();
const upstream = await startUpstream((request, response) => {
  const body = files.get(decodeURIComponent(request.url ?? ''));
  if (body === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) }).end(body);
});
const rulesOf = (kind: string) => [{ match: `/${kind}/org/late/**/*.sha1`, freshSeconds: 0 }];
const mirrored = await startMirrors(
  { all: { url: upstream.url, attempts: 1 } },
  ['maven', 'go', 'nix'].map((kind) => ({
    ...{ path: `/${kind}/`, prefix: `${kind}/`, upstreams: ['all'], cacheStatus: true },
    mirror: { kind, negativeSeconds: 0, local: [`/${kind}/own/**`], rules: rulesOf(kind) },
  })),
);
const { server } = mirrored;
after(async () => {
  await mirrored.stop();
  upstream.close();
});
beforeEach(() => {
  files.clear();
  upstream.asked.length = 0;
});

const hex = (hash: string, text: string) => createHash(hash).update(text).digest('hex');
const get = async (path: string) => {
  const { status, body } = await server.curl(path);
  return `${status} ${body.toString()}`;
};
/** Whether a path that was asked for before comes from the upstream again when it changes there. */
const isFor = async (path: string, seconds: number) => {
  await server.curl(path);
  const { headers } = await server.curl(path);
  const isLasting = /immutable/.test(headers.get('cache-control') ?? '');
  assert.match(headers.get('cache-status') ?? '', /^mirror; hit/, `${path} is not asked for again at once`);
  assert.equal(isLasting, seconds === Number.POSITIVE_INFINITY, path);
};

test('maven: a release is verified by its .sha256, or else by its .sha1, and kept for ever', async () => {
  files.set('/org/a/1.0/a-1.0.jar', 'jar');
  files.set('/org/a/1.0/a-1.0.jar.sha1', `${hex('sha1', 'jar')}  a-1.0.jar\n`);
  files.set('/org/a/1.0/a-1.0.pom', 'pom');
  files.set('/org/a/1.0/a-1.0.pom.sha256', hex('sha256', 'pom'));
  assert.equal(await get('/maven/org/a/1.0/a-1.0.jar'), '200 jar');
  assert.equal(await get('/maven/org/a/1.0/a-1.0.pom'), '200 pom');
  await isFor('/maven/org/a/1.0/a-1.0.jar', Number.POSITIVE_INFINITY);
  for (const file of ['jar', 'pom']) {
    const its = upstream.asked.filter((each) => each.includes(`.${file}`));
    const name = `GET /org/a/1.0/a-1.0.${file}`;
    assert.deepEqual(its.slice(0, 2).sort(), [`${name}.sha1`, `${name}.sha256`]);
    assert.deepEqual(its.slice(2), [name]);
  }
});

test('maven: a wrong digest beside a release is asked for again, and the release is to be had', async () => {
  files.set('/org/late/1.0/late-1.0.jar', 'right');
  files.set('/org/late/1.0/late-1.0.jar.sha1', hex('sha1', 'wrong'));
  await assertRefused(server, '/maven/org/late/1.0/late-1.0.jar');
  files.set('/org/late/1.0/late-1.0.jar.sha1', hex('sha1', 'right'));
  assert.equal(await get('/maven/org/late/1.0/late-1.0.jar'), '200 right');
  // Without a rule of the site: for a minute, and for ever once the release is here.
  files.set('/org/b/2.0/b-2.0.jar', 'jar');
  files.set('/org/b/2.0/b-2.0.jar.sha1', hex('sha1', 'jar'));
  await isFor('/maven/org/b/2.0/b-2.0.jar.sha1', 60);
  assert.equal(await get('/maven/org/b/2.0/b-2.0.jar'), '200 jar');
});

test('maven: the digest of metadata is that of the metadata which clients get', async () => {
  const metadata = '/org/m/maven-metadata.xml';
  files.set(metadata, '<metadata/>');
  assert.equal(await get(`/maven${metadata}`), '200 <metadata/>');
  files.set(metadata, '<metadata><versioning/></metadata>');
  for (const hash of ['md5', 'sha1', 'sha256', 'sha512']) {
    files.set(`${metadata}.${hash}`, hex(hash, '<metadata><versioning/></metadata>'));
    assert.equal(await get(`/maven${metadata}.${hash}`), `200 ${hex(hash, '<metadata/>')}`);
  }
  files.set('/org/n/maven-metadata.xml.sha1', 'of the upstream');
  assert.equal(await get('/maven/org/n/maven-metadata.xml.sha1'), '200 of the upstream');
});

test('maven: a snapshot with a time in its name is verified and kept for ever, as a release is', async () => {
  const snapshot = '/org/s/2-SNAPSHOT/s-2-20260101.000000-1';
  files.set(`${snapshot}.jar`, 'snapshot');
  files.set(`${snapshot}.jar.sha1`, hex('sha1', 'snapshot'));
  assert.equal(await get(`/maven${snapshot}.jar`), '200 snapshot');
  await isFor(`/maven${snapshot}.jar`, Number.POSITIVE_INFINITY);
  files.set(`${snapshot}-sources.jar`, 'wrong');
  files.set(`${snapshot}-sources.jar.sha1`, hex('sha1', 'right'));
  await assertRefused(server, `/maven${snapshot}-sources.jar`);
});

test('maven: a release with other bytes than its digest is refused, and asked for anew later', async () => {
  files.set('/org/b/1.0/b-1.0.jar', 'wrong');
  files.set('/org/b/1.0/b-1.0.jar.sha1', hex('sha1', 'right'));
  await assertRefused(server, '/maven/org/b/1.0/b-1.0.jar');
  await mirrored.logged(/received have SHA1 [^\n]*b-1\.0\.jar/);
  files.set('/org/b/1.0/b-1.0.jar', 'right');
  assert.equal(await get('/maven/org/b/1.0/b-1.0.jar'), '200 right');
});

test('maven: a release whose digest has no room is 507, and not said to be absent', async () => {
  const full = await startMirrors({ all: { url: upstream.url, attempts: 1 } }, [
    { path: '/maven/', upstreams: ['all'], mirror: { kind: 'maven', maxBytes: 1 } },
  ]);
  try {
    files.set('/org/f/1.0/f-1.0.jar', 'jar');
    files.set('/org/f/1.0/f-1.0.jar.sha1', hex('sha1', 'jar'));
    assertProblem(await full.server.curl('/maven/org/f/1.0/f-1.0.jar'), 507, 'store-full');
  } finally {
    await full.stop();
  }
});

test('maven: an absent release is asked for once in negativeSeconds, and so are its digests', async () => {
  const patient = await startMirrors({ all: { url: upstream.url, attempts: 1 } }, [
    { path: '/maven/', upstreams: ['all'], mirror: { kind: 'maven', negativeSeconds: 100 } },
  ]);
  try {
    for (let time = 0; time < 3; time++)
      assertProblem(await patient.server.curl('/maven/org/g/1.0/g-1.0.jar'), 404, 'not-found');
    assert.equal(upstream.asked.length, 3, `${upstream.asked}`);
  } finally {
    await patient.stop();
  }
});

test('maven: metadata and snapshots are kept for a minute; without digests all is kept', async () => {
  files.set('/org/c/maven-metadata.xml', '<metadata/>');
  files.set('/org/c/2-SNAPSHOT/c-2-SNAPSHOT.jar', 'snapshot');
  files.set('/org/c/1.0/c-1.0.jar', 'bare');
  await isFor('/maven/org/c/maven-metadata.xml', 60);
  await isFor('/maven/org/c/2-SNAPSHOT/c-2-SNAPSHOT.jar', 60);
  assert.equal(await get('/maven/org/c/1.0/c-1.0.jar'), '200 bare');
  await mirrored.logged(/c-1\.0\.jar[^\n]*kept as it comes/);
  files.set('/own/d/1.0/d-1.0.jar', 'a stranger');
  assert.match(await get('/maven/own/d/1.0/d-1.0.jar'), /^404/);
});

test('go: a version is kept for ever, and what tells of versions for a minute', async () => {
  const module = '/example.com/!big/mod';
  for (const file of ['v1.2.3.info', 'v1.2.3.mod', 'v1.2.3-0.2026.zip', 'list', 'main.info'])
    files.set(`${module}/@v/${file}`, file);
  files.set(`${module}/@latest`, '{}');
  for (const file of ['v1.2.3.info', 'v1.2.3.mod', 'v1.2.3-0.2026.zip'])
    await isFor(`/go${module}/@v/${file}`, Number.POSITIVE_INFINITY);
  for (const path of ['@v/list', '@v/main.info', '@latest']) await isFor(`/go${module}/${path}`, 60);
});

test('nix: an archive has the SHA-256 that is its name in base 32, or is refused', async () => {
  // printf hello | sha256sum, and nix-hash --to-base32 of it.
  const name = '094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic';
  assert.equal(hex('sha256', 'hello').slice(0, 8), '2cf24dba');
  files.set(`/nar/${name}.nar.xz`, 'hello');
  files.set(`/${'0'.repeat(32)}.narinfo`, `URL: nar/${name}.nar.xz\n`);
  files.set('/nix-cache-info', 'StoreDir: /nix/store\n');
  assert.equal(await get(`/nix/nar/${name}.nar.xz`), '200 hello');
  await isFor(`/nix/nar/${name}.nar.xz`, Number.POSITIVE_INFINITY);
  await isFor(`/nix/${'0'.repeat(32)}.narinfo`, 3600);
  await isFor('/nix/nix-cache-info', 3600);
  files.set(`/nar/1${name.slice(1)}.nar.xz`, 'hello');
  await assertRefused(server, `/nix/nar/1${name.slice(1)}.nar.xz`);
});
