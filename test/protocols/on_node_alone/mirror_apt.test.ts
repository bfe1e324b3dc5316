// A mirror of an apt repository, which Debian's own apt-get updates and downloads from.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, beforeEach, test } from 'node:test';
import { AptArchive, AptClient, type Files, serveFiles } from '../../support/apt_repository.ts';
import { assertProblem } from '../../support/problem.ts';
import { temporaryFolder } from '../../support/store.ts';
import { assertRefused, startMirrors, startUpstream } from '../../support/upstream.ts';

const dir = await temporaryFolder();
const archive = await AptArchive.create(dir);
const one = await archive.files({
  packages: { hello: '1.0', 'plus+two': '1:2.0+b~1' },
  date: 'Fri, 20 Nov 2026 10:00:00 UTC',
});
const two = await archive.files({
  packages: { hello: '1.1', third: '3.0' },
  date: 'Sat, 21 Nov 2026 10:00:00 UTC',
});
const plain = await archive.files({
  packages: { hello: '1.0' },
  date: 'Fri, 20 Nov 2026 10:00:00 UTC',
  byHash: false,
});
const before = new Date('2026-11-20T10:00:00Z');
const later = new Date('2026-11-21T10:00:00Z');

const served = { files: one, modified: before };
const upstream = await startUpstream(serveFiles(served));
const names = [
  'first',
  'moves',
  'dies',
  'tampered',
  'back',
  'earlier',
  'plain',
  'half',
  'release',
  'nodigest',
  'search',
  'again',
];
const mirrored = await startMirrors(
  { archive: { url: upstream.url, attempts: 1 } },
  names.map((name) => ({
    path: `/${name}/`,
    // Another site over the same objects has not seen any Release file.
    prefix: name === 'again' ? 'search/' : `${name}/`,
    upstreams: ['archive'],
    cacheStatus: true,
    // So that what has changed is seen at once.
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
beforeEach(() => {
  serve(one, before);
  upstream.answer = serveFiles(served);
  upstream.asked.length = 0;
});

function serve(files: Files, modified: Date): void {
  Object.assign(served, { files: new Map(files), modified });
}
const client = (name: string) => {
  const line = `deb [signed-by=${archive.key}] ${server.url}/${name} stable main`;
  return AptClient.create(dir, line, site.certificate);
};
const inRelease = async (name: string) => (await server.curl(`/${name}/dists/stable/InRelease`)).body;
const refuse = () => {
  upstream.answer = (_, response) => response.writeHead(500).end();
};
const change = (end: string, to: (bytes: Buffer) => Buffer) => {
  for (const [name, bytes] of served.files) if (name.endsWith(end)) served.files.set(name, to(bytes));
};
const oneByteOther = (bytes: Buffer) => {
  const other = Buffer.from(bytes);
  other[other.length - 5] = (other[other.length - 5] ?? 0) ^ 1;
  return other;
};
const hashed = (files: Files) => [...files.keys()].filter((name) => /by-hash\/SHA512/.test(name));

test('apt-get updates and downloads packages, one with + in its name; each is fetched once', async () => {
  for (const machine of [await client('first'), await client('first')]) {
    await machine.update();
    assert.deepEqual(await machine.download('hello', 'plus+two'), [
      'hello_1.0_amd64.deb',
      'plus+two_1%3a2.0+b~1_amd64.deb',
    ]);
  }
  const debs = upstream.asked.filter((asked) => asked.endsWith('.deb'));
  assert.equal(debs.length, 2);
  assert.equal(upstream.asked.filter((asked) => asked.includes('by-hash')).length, 1);
});

test('the upstream moves on: old indexes are there by hash, and all else is new', async () => {
  const old = await client('moves');
  await old.update();
  const held = hashed(one);
  await server.curl(`/moves/${held[0]}`);
  serve(two, later);
  const fresh = await client('moves');
  await fresh.update();
  assert.deepEqual(await fresh.download('third', 'hello'), ['hello_1.1_amd64.deb', 'third_3.0_amd64.deb']);
  assert.equal((await server.curl(`/moves/${held[0]}`)).status, 200);
  const plain = await server.curl('/moves/dists/stable/main/binary-amd64/Packages');
  assert.deepEqual(plain.body, two.get('dists/stable/main/binary-amd64/Packages'));
  await old.update();
  assert.deepEqual(await old.download('third'), ['third_3.0_amd64.deb']);
});

test('the upstream is dead: what was fetched is served on, update and download', async () => {
  const machine = await client('dies');
  await machine.update();
  await machine.download('hello');
  refuse();
  const other = await client('dies');
  await other.update();
  assert.deepEqual(await other.download('hello'), ['hello_1.0_amd64.deb']);
});

test('a package with other bytes than the index says is refused, and not kept', async () => {
  const machine = await client('tampered');
  await machine.update();
  change('hello_1.0_amd64.deb', oneByteOther);
  await assert.rejects(machine.download('hello'));
  await assertRefused(server, '/tampered/pool/main/hello_1.0_amd64.deb');
  await mirrored.logged(/received have SHA-256 [^"]*"[^\n]*tampered\/pool\/main\/hello_1\.0_amd64\.deb/);
  serve(one, before);
  assert.deepEqual(await machine.download('hello'), ['hello_1.0_amd64.deb']);
});

test('a package is verified by indexes that were fetched before this site began', async () => {
  await (await client('search')).update();
  change('hello_1.0_amd64.deb', oneByteOther);
  await assert.rejects(server.curl('/again/pool/main/hello_1.0_amd64.deb'), /curl/);
  await mirrored.logged(/received have SHA-256 [^\n]*search\/pool\/main\/hello_1\.0_amd64\.deb/);
  serve(one, before);
  assert.equal((await server.curl('/again/pool/main/hello_1.0_amd64.deb')).status, 200);
});

test('an index with other bytes than Release says is refused', async () => {
  await inRelease('nodigest');
  const path = 'dists/stable/main/binary-amd64/Packages';
  change('/Packages', oneByteOther);
  for (const name of hashed(served.files)) change(name, oneByteOther);
  await assertRefused(server, `/nodigest/${path}`);
  await assert.rejects((await client('nodigest')).update());
  serve(one, before);
  await (await client('nodigest')).update();
});

test('a Release file of an earlier date than the one in use is not taken', async () => {
  serve(two, later);
  await (await client('back')).update();
  serve(one, new Date('2026-11-22T10:00:00Z'));
  assert.deepEqual(await inRelease('back'), two.get('dists/stable/InRelease'));
  await mirrored.logged(/is older than the one that is here/);
  await (await client('back')).update();
});

test('a newer Release file with an earlier time is told from the one that a client has', async () => {
  const machine = await client('earlier');
  await machine.update();
  serve(two, new Date('2026-11-19T10:00:00Z'));
  await machine.update();
  assert.deepEqual(await machine.download('third'), ['third_3.0_amd64.deb']);
  const same = { 'If-Modified-Since': 'Thu, 19 Nov 2026 10:00:00 GMT' };
  const path = '/earlier/dists/stable/InRelease';
  const ask = (since: string) => server.curl(path, '-H', `If-Modified-Since: ${since}`);
  assert.equal((await ask(same['If-Modified-Since'])).status, 304);
  const other = await ask('Fri, 20 Nov 2026 10:00:00 GMT');
  assert.deepEqual([other.status, other.headers.get('last-modified')], [200, same['If-Modified-Since']]);
});

test('a new Release file is not taken into use before its indexes are here', async () => {
  await (await client('half')).update();
  serve(two, later);
  const indexes = new Map([...served.files].filter(([name]) => name.includes('binary-amd64')));
  for (const name of indexes.keys()) served.files.delete(name);
  assert.deepEqual(await inRelease('half'), one.get('dists/stable/InRelease'));
  await (await client('half')).update();
  for (const [name, bytes] of indexes) served.files.set(name, bytes);
});

test('without by-hash plain names have the indexes of the Release file in use', async () => {
  serve(plain, before);
  const machine = await client('plain');
  await machine.update();
  assert.deepEqual(await machine.download('hello'), ['hello_1.0_amd64.deb']);
  assert.deepEqual(
    upstream.asked.filter((asked) => asked.includes('by-hash')),
    [],
  );
});

test('Release is in use with the same indexes as InRelease, or is not', async () => {
  await inRelease('release');
  const ask = async (file: string) => (await server.curl(`/release/dists/stable/${file}`)).body;
  assert.deepEqual(await ask('Release'), one.get('dists/stable/Release'));
  assert.deepEqual(await ask('Release.gpg'), one.get('dists/stable/Release.gpg'));
  serve(two, later);
  assert.deepEqual(await ask('Release'), two.get('dists/stable/Release'));
  assert.deepEqual(await inRelease('release'), two.get('dists/stable/InRelease'));
});

test('an index by its hash has these bytes, by each of the hashes', async () => {
  for (const hash of ['SHA256', 'SHA512', 'MD5Sum']) {
    const name = [...one.keys()].find((each) => each.includes(`by-hash/${hash}/`)) ?? '';
    const { status, body } = await server.curl(`/first/other/../${name}`);
    assert.deepEqual([status, body], [200, one.get(name)]);
    await server.curl(`/first/${name}`);
    assert.match((await server.curl(`/first/${name}`)).headers.get('cache-control') ?? '', /immutable/);
  }
  const none = `dists/stable/main/binary-amd64/by-hash/SHA256/${'0'.repeat(64)}`;
  assertProblem(await server.curl(`/first/${none}`), 404, 'not-found');
});
