// A mirror of an apt repository after something went away: an index that was evicted, an InRelease that the
// upstream has no more; and indexes that cannot be read.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, beforeEach, test } from 'node:test';
import { AptArchive, type Files, serveFiles } from '../../support/apt_repository.ts';
import { outcome, spawnCli } from '../../support/runtime.ts';
import { temporaryFolder } from '../../support/store.ts';
import { assertRefused, startMirrors, startUpstream } from '../../support/upstream.ts';

const dir = await temporaryFolder();
const archive = await AptArchive.create(dir);
const one = await archive.files({ packages: { hello: '1.0' }, date: 'Fri, 20 Nov 2026 10:00:00 UTC' });
const two = await archive.files({ packages: { hello: '1.1' }, date: 'Sat, 21 Nov 2026 10:00:00 UTC' });
const served = { files: one, modified: new Date('2026-11-20T10:00:00Z') };
const upstream = await startUpstream(serveFiles(served));
const mirrored = await startMirrors(
  { archive: { url: upstream.url, attempts: 1 } },
  ['evicted', 'alone', 'bzip'].map((name) => ({
    ...{ path: `/${name}/`, prefix: `${name}/`, upstreams: ['archive'] },
    mirror: {
      kind: 'apt',
      rules: [{ match: '/*/dists/*/{InRelease,Release,Release.gpg}', freshSeconds: 0 }],
    },
  })),
);
const { server, site } = mirrored;
after(async () => {
  await mirrored.stop();
  upstream.close();
  await archive.close();
  await rm(dir, { recursive: true });
});
const serve = (files: Files) => {
  served.files = new Map(files);
};
beforeEach(() => serve(one));
const get = (path: string) => server.curl(path);
const deb = 'pool/main/hello_1.0_amd64.deb';
const otherDeb = (bytes: Buffer = Buffer.alloc(0)) => Buffer.concat([bytes, Buffer.from('x')]);

test('an index was evicted: it is fetched again, and proves the package that it lists', async () => {
  await get('/evicted/dists/stable/InRelease');
  await get('/evicted/dists/stable/main/binary-amd64/Packages.xz');
  const what = ['mirror/evicted/dists/stable/main/**', '--why', 'a test'];
  const server = ['--control', mirrored.server.control ?? '', '--config', site.config];
  assert.equal((await outcome(spawnCli(['mirror', 'forget', ...what, ...server]))).status, 0);
  served.files.set(deb, otherDeb(one.get(deb)));
  await assertRefused(mirrored.server, `/evicted/${deb}`);
  serve(one);
  const { status, body } = await get(`/evicted/${deb}`);
  assert.deepEqual([status, body], [200, one.get(deb)]);
  assert.equal((await outcome(spawnCli(['mirror', 'forget', ...what, ...server]))).status, 0);
  upstream.answer = (_, response) => response.writeHead(500).end();
  assert.equal((await get(`/evicted/${deb}`)).status, 200, 'what is held needs no index');
  upstream.answer = serveFiles(served);
});

test('the upstream has an InRelease no more: Release alone is taken into use', async () => {
  await get('/alone/dists/stable/InRelease');
  serve(two);
  served.files.delete('dists/stable/InRelease');
  assert.deepEqual((await get('/alone/dists/stable/Release')).body, two.get('dists/stable/Release'));
  assert.equal((await get('/alone/dists/stable/InRelease')).status, 404);
  const index = 'dists/stable/main/binary-amd64/Packages';
  assert.deepEqual((await get(`/alone/${index}`)).body, two.get(index));
});

test('the log says which index cannot be read where a package is kept as it comes', async () => {
  const listed = await archive.files({
    ...{ packages: { hello: '1.0' }, date: 'Fri, 20 Nov 2026 10:00:00 UTC', forms: ['bzip2'] },
  });
  serve(listed);
  await get('/bzip/dists/stable/InRelease');
  await get('/bzip/dists/stable/main/binary-amd64/Packages.bz2');
  assert.equal((await get(`/bzip/${deb}`)).status, 200);
  await mirrored.logged(/hello_1\.0_amd64\.deb[^\n]*Packages\.bz2[^\n]*kept as it comes/);
});
