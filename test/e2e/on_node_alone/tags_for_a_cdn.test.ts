// Tags by which a CDN purges an object: given by any way in, kept by any way on, told to those who may write,
// and to everybody in the fields that a site names.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { outcome, spawnCli } from '../../support/runtime.ts';
import { createSite, type Response, TestServer } from '../../support/server.ts';

const objects = { host: '127.0.0.1', protocol: 'objects' };
const web = { bucket: 'web', index: 'index.html', notFound: '404.html' };
const site = await createSite({
  buckets: { web: 'versioned', other: 'versioned' },
  sites: [
    objects,
    { host: 'plain.test', ...web },
    { host: 'fastly.test', ...web, tagFields: ['Surrogate-Key'] },
    {
      host: 'both.test',
      ...web,
      tagFields: ['Surrogate-Key', 'Cache-Tag'],
      compress: true,
      fields: [
        { match: '/**/*.css', add: { 'Cache-Tag': 'css,all', 'surrogate-key': 'css' } },
        { match: '/b.txt', set: { 'Surrogate-Key': 'other' } },
      ],
    },
  ],
});
let server: TestServer;
const at = (name: string) => join(site.dir, name);
before(async () => {
  server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
  await writeFile(at('file'), 'bytes');
  await writeFile(at('token'), site.token, { mode: 0o600 });
});
after(async () => {
  await server.stop();
  await site.remove();
});

const host = (name: string) => ['-H', `Host: ${name}`];
const authorized = () => ['-H', `Authorization: Bearer ${site.token}`];
const put = (name: string, ...more: string[]) => server.put(`/o/web/${name}`, at('file'), ...more);
const tagsOf = ({ headers }: Response) => [headers.get('surrogate-key'), headers.get('cache-tag')];
async function cli(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await outcome(spawnCli([...args, '--config', site.config]));
  assert.equal(status, 0, stderr);
  return stdout;
}
const token = ['--token-file', at('token')];
const byServer = () => ['--server', server.url, ...token];
const stat = async (ref: string) => JSON.parse(await cli('stat', ref, '--json')) as { surrogateKey?: string };

const given: [how: string, fields: string[], recorded: string][] = [
  ['Surrogate-Key', ['Surrogate-Key: a  b a'], 'a b'],
  ['Cache-Tag', ['Cache-Tag: a,b, c'], 'a b c'],
  ['both', ['Surrogate-Key: a b', 'Cache-Tag: b,c'], 'a b c'],
  ['two lines', ['Surrogate-Key: a', 'Surrogate-Key: b'], 'a b'],
];
for (const [index, [how, fields, recorded]] of given.entries()) {
  test(`tags given on PUT by ${how} are recorded once each, and shown by stat and versions`, async () => {
    const name = `given/${index}`;
    const answer = await put(name, ...fields.flatMap((field) => ['-H', field]));
    assert.equal(answer.status, 201, answer.body.toString());
    assert.equal(JSON.parse(answer.body.toString()).surrogateKey, recorded);
    assert.equal((await stat(`web/${name}`)).surrogateKey, recorded);
    assert.match(
      await cli('versions', `web/${name}`, '--json'),
      new RegExp(`"surrogateKey": ?"${recorded}"`),
    );
  });
}

const refused: [what: string, field: string, said: RegExp][] = [
  ['a tag that is a step in a path', 'Cache-Tag: a,..', /expected other tags than \. and \.\./],
  ['a tag of 1025 characters', `Surrogate-Key: ${'x'.repeat(1025)}`, /a tag has up to 1024 characters/],
  ['more than 8 KiB', `Cache-Tag: ${Array.from({ length: 2100 }, (_, at) => `t${at}`)}`, /up to 8192 bytes/],
  ['a letter outside ASCII', 'Surrogate-Key: é', /Surrogate-Key: expected printable ASCII/],
];
for (const [what, field, said] of refused)
  test(`a PUT with ${what} in its tags is 400, with a sentence`, async () => {
    const answer = await put('refused', '-H', field);
    assert.deepEqual([answer.status, said.test(answer.body.toString())], [400, true], answer.body.toString());
  });

test('other tags of the same bytes make a new version; none are told to readers of objects', async () => {
  await put('shown', '-H', 'Surrogate-Key: one');
  assert.equal(
    JSON.parse((await put('shown', '-H', 'Surrogate-Key: two')).body.toString()).outcome,
    'replaced',
  );
  const ask = (query: string, ...more: string[]) => server.curl(`/o/web/shown${query}`, ...more);
  for (const time of ['first', 'second']) {
    assert.deepEqual(tagsOf(await ask('')), [undefined, undefined], time);
    assert.deepEqual(tagsOf(await ask('?tags')), [undefined, undefined], time);
    const told = await ask('?tags', ...authorized());
    assert.deepEqual(tagsOf(told), ['two', undefined], time);
    assert.equal(told.headers.get('vary'), 'Authorization');
    assert.deepEqual(tagsOf(await ask('', ...authorized())), [undefined, undefined], time);
  }
  const list = async (...more: string[]) =>
    JSON.parse((await server.curl('/o/web/?prefix=shown', ...more)).body.toString());
  assert.equal((await list()).entries[0].surrogateKey, undefined);
  assert.equal((await list(...authorized())).entries[0].surrogateKey, 'two');
});

test('a site tells tags in the fields that it names, from kept plans, with 304 and with HEAD', async () => {
  const etag = (await put('a.txt', '-H', 'Surrogate-Key: a b')).headers.get('etag');
  for (const time of ['first', 'second']) {
    const ask = (name: string, ...more: string[]) => server.curl('/a.txt', ...host(name), ...more);
    assert.deepEqual(tagsOf(await ask('plain.test')), [undefined, undefined], time);
    assert.deepEqual(tagsOf(await ask('fastly.test')), ['a b', undefined], time);
    assert.deepEqual(tagsOf(await ask('both.test')), ['a b', 'a,b'], time);
    assert.deepEqual(tagsOf(await ask('fastly.test', '-I')), ['a b', undefined], time);
    const kept = await ask('fastly.test', '-H', `If-None-Match: ${etag}`);
    assert.deepEqual([kept.status, ...tagsOf(kept)], [304, 'a b', undefined], time);
  }
});

test('rules of a site add tags to those of the object, in one line, or replace them', async () => {
  await put('x/a.css', '-H', 'Surrogate-Key: a all');
  const raw = await server.curl('/x/a.css', ...host('both.test'));
  assert.deepEqual(tagsOf(raw), ['a all css', 'a,all,css']);
  await put('b.txt', '-H', 'Surrogate-Key: a');
  assert.deepEqual(tagsOf(await server.curl('/b.txt', ...host('both.test'))), ['other', 'a']);
});

test('tags go along with a copy, a restored version, a list, an export and its import', async () => {
  await put('from', '-H', 'Cache-Tag: kept');
  const { digest } = JSON.parse(await cli('stat', 'web/from', '--json'));
  await cli('cp', 'web/from', 'other/copied', ...byServer());
  assert.equal((await stat('other/copied')).surrogateKey, 'kept');
  await put('from');
  await put('from', '-H', 'Surrogate-Key: later');
  await cli('restore', 'web/from', '--to', '1', ...byServer());
  assert.equal((await stat('web/from')).surrogateKey, 'kept');
  const entries = [{ name: 'listed', digest, surrogateKey: 'by-list' }];
  await writeFile(at('list'), JSON.stringify({ entries }));
  const listed = await server.curl('/o/other/', '-X', 'PUT', '-d', `@${at('list')}`, ...authorized());
  assert.equal(listed.status, 200, listed.body.toString());
  assert.equal((await stat('other/listed')).surrogateKey, 'by-list');
  await cli('export', 'other', at('exported'), ...byServer());
  await server.stop();
  await cli('bucket', 'create', 'back', '--kind', 'versioned');
  await cli('import', at('exported'), '--bucket', 'back');
  assert.equal((await stat('back/copied')).surrogateKey, 'kept');
  await cli('rebuild');
  assert.equal((await stat('back/listed')).surrogateKey, 'by-list');
  server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
});

test('put and import say tags by --tags, and take what has them for the same', async () => {
  await mkdir(at('tree'));
  await writeFile(at('tree/one'), 'one');
  for (const expected of ['created', 'same'])
    assert.match(
      await cli('put', at('file'), 'web/put', '--tags', 'a,b', ...byServer()),
      RegExp(` ${expected} `),
    );
  const told = (...more: string[]) => cli('stat', 'web/put', '--server', server.url, ...more);
  assert.doesNotMatch(await told(), /surrogate-key/);
  assert.match(await told(...token), /\n {2}surrogate-key +a b\n/);
  await cli('import', at('tree'), '--bucket', 'web', '--tags', 'tree', ...byServer());
  assert.equal((await stat('web/one')).surrogateKey, 'tree');
});
