// Mirrors of Maven repositories: the digests of metadata, which are made here of what clients get.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { startMirrors, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';

const files = new Map<string, string>();
let isFailing = false;
const upstream = await startUpstream((request, response) => {
  const body = files.get(decodeURIComponent(request.url ?? ''));
  if (isFailing) response.writeHead(503).end();
  else if (body === undefined) response.writeHead(404).end();
  else response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) }).end(body);
});
const site = (name: string, mirror = {}) => ({
  ...{ path: `/${name}/`, prefix: `${name}/`, upstreams: ['all'] },
  mirror: {
    ...{ kind: 'maven', negativeSeconds: 0, rules: [{ match: `/${name}/**`, freshSeconds: 0 }] },
    ...mirror,
  },
});
const mirrored = await startMirrors({ all: { url: upstream.url, attempts: 1 } }, [
  site('now', { local: ['/now/own/*.xml'] }),
  site('later', { staleWhileRevalidateSeconds: 600 }),
]);
const { server } = mirrored;
after(async () => {
  await mirrored.stop();
  upstream.close();
});
beforeEach(() => {
  files.clear();
  isFailing = false;
});

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');
const get = async (path: string, from = server) => {
  const { status, body } = await from.curl(path);
  return `${status} ${body.toString()}`;
};

test('the digest of metadata that are not fresh is that of what the upstream has now', async () => {
  files.set('/a/maven-metadata.xml', 'first');
  assert.equal(await get('/now/a/maven-metadata.xml'), '200 first');
  files.set('/a/maven-metadata.xml', 'second');
  assert.equal((await server.curl('/now/a/maven-metadata.xml', '--head')).status, 200);
  assert.equal(await get('/now/a/maven-metadata.xml.sha1'), `200 ${sha1('second')}`);
  // Who asks for the digest alone sees each change.
  files.set('/a/maven-metadata.xml', 'third');
  assert.equal(await get('/now/a/maven-metadata.xml.sha1'), `200 ${sha1('third')}`);
  assert.equal(await get('/now/a/maven-metadata.xml'), '200 third');
});

test('the upstream fails: the digest is that of the metadata which are sent meanwhile', async () => {
  files.set('/b/maven-metadata.xml', 'first');
  assert.equal(await get('/now/b/maven-metadata.xml'), '200 first');
  isFailing = true;
  assert.equal(await get('/now/b/maven-metadata.xml.sha1'), `200 ${sha1('first')}`);
  assert.equal(await get('/now/b/maven-metadata.xml'), '200 first');
});

test('metadata that the upstream has no more have no digest', async () => {
  files.set('/c/maven-metadata.xml', 'first');
  assert.equal(await get('/now/c/maven-metadata.xml'), '200 first');
  files.clear();
  assert.match(await get('/now/c/maven-metadata.xml.sha1'), /^404/);
});

test('metadata that have become too large to be read: the digest is that of the upstream', async () => {
  files.set('/d/maven-metadata.xml', 'first');
  assert.equal(await get('/now/d/maven-metadata.xml'), '200 first');
  files.set('/d/maven-metadata.xml', 'x'.repeat(2 ** 20 + 1));
  files.set('/d/maven-metadata.xml.sha1', 'of the upstream');
  assert.equal(await get('/now/d/maven-metadata.xml.sha1'), '200 of the upstream');
});

test('metadata that there is no room to keep: the digest is that of the upstream', async () => {
  const small = await startMirrors({ all: { url: upstream.url, attempts: 1 } }, [
    site('small', { maxBytes: 100 }),
  ]);
  try {
    files.set('/e/maven-metadata.xml', 'first');
    assert.equal(await get('/small/e/maven-metadata.xml', small.server), '200 first');
    files.set('/e/maven-metadata.xml', 'x'.repeat(200));
    files.set('/e/maven-metadata.xml.sha1', 'of the upstream');
    assert.equal(await get('/small/e/maven-metadata.xml.sha1', small.server), '200 of the upstream');
  } finally {
    await small.stop();
  }
});

test('metadata of a local path: the digest is that of what was stored here', async () => {
  files.set('/own/maven-metadata.xml', 'a stranger');
  const file = join(mirrored.site.dir, 'own');
  await writeFile(file, 'own');
  assert.equal((await server.put('/o/mirror/now/own/maven-metadata.xml', file)).status, 201);
  assert.equal(await get('/now/own/maven-metadata.xml.sha1'), `200 ${sha1('own')}`);
  assert.equal(await get('/now/own/maven-metadata.xml'), '200 own');
});

test('metadata that are sent while they are asked for: so is their digest, then the new one', async () => {
  files.set('/f/maven-metadata.xml', 'first');
  assert.equal(await get('/later/f/maven-metadata.xml'), '200 first');
  files.set('/f/maven-metadata.xml', 'second');
  assert.equal(await get('/later/f/maven-metadata.xml.sha1'), `200 ${sha1('first')}`);
  const changed = `200 ${sha1('second')}`;
  await until(
    () => get('/later/f/maven-metadata.xml.sha1'),
    (said) => said === changed,
    'the digest',
  );
});
