// A mirror of a PyPI index: metadata beside files (PEP 658), how often a page is written, and its entity tag
// after another host was named.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { after, beforeEach, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const wheel = 'hello-1.0-py3-none-any.whl';
const bytes = { wheel: 'a wheel', metadata: 'Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n' };
const files = new Map<string, string>();
const pages = new Map<string, { type: string; body: string }>();
const index = await startUpstream(({ url = '' }, response) => {
  const page = pages.get(url);
  const body = page?.body ?? files.get(url);
  if (body === undefined) return void response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': page?.type ?? 'application/octet-stream' }).end(body);
});
const mirrored = await startMirrors({ index: { url: index.url, attempts: 1 } }, [
  { path: '/pypi/', upstreams: ['index'], mirror: { kind: 'pypi' } },
]);
const { server, site } = mirrored;
after(async () => {
  await mirrored.stop();
  index.close();
});
beforeEach(() => {
  index.asked.length = 0;
  files.clear();
  pages.clear();
  files.set(`/files/${wheel}`, bytes.wheel);
  files.set(`/files/${wheel}.metadata`, bytes.metadata);
});
const json = 'application/vnd.pypi.simple.v1+json';
const inJson = (project: string, listed: object[]) =>
  pages.set(`/simple/${project}/`, {
    type: json,
    body: JSON.stringify({ meta: { 'api-version': '1.1' }, name: project, files: listed }),
  });
const read = async (path: string, accept = 'text/html') => {
  const { status, body, headers } = await server.curl(path, '-H', `Accept: ${accept}`);
  return { status, text: body.toString(), etag: headers.get('etag') };
};
const fileOf = async (project: string) => {
  const { text } = await read(`/pypi/simple/${project}/`, json);
  return JSON.parse(text).files[0];
};

test('metadata beside a file is found by its URL, proved by the page, and had without the file', async () => {
  const proof = `sha256=${sha256(bytes.metadata)}`;
  const link = `<a href="/files/${wheel}#sha256=${sha256(bytes.wheel)}" data-core-metadata="${proof}">x</a>`;
  pages.set('/simple/html/', { type: 'text/html', body: link });
  const url = `/files/${wheel}`;
  const said = { filename: wheel, url, hashes: { sha256: sha256(bytes.wheel) } };
  inJson('older', [{ ...said, 'dist-info-metadata': { sha256: sha256(bytes.metadata) } }]);
  for (const project of ['html', 'older']) {
    const file = await fileOf(project);
    assert.deepEqual(file['core-metadata'], { sha256: sha256(bytes.metadata) });
    assert.deepEqual(file['dist-info-metadata'], file['core-metadata']);
    const { text } = await read(`/pypi/simple/${project}/`);
    assert.match(text, new RegExp(` data-core-metadata="${proof}" data-dist-info-metadata="${proof}"`));
    const path = `/pypi/simple/${project}/${file.url}`;
    const metadata = await server.curl(`${path}.metadata`);
    assert.deepEqual([metadata.status, metadata.body.toString()], [200, bytes.metadata]);
  }
  assert.ok(!index.asked.includes(`GET /files/${wheel}`), 'the wheel was not fetched');
  const { url: to } = await fileOf('html');
  assert.equal((await server.curl(`/pypi/simple/html/${to}`)).body.toString(), bytes.wheel);
});

test('metadata with other bytes is refused, and without a digest it is not told of', async () => {
  const said = { filename: wheel, url: `/files/${wheel}`, hashes: { sha256: sha256(bytes.wheel) } };
  inJson('wrong', [{ ...said, 'core-metadata': { sha256: sha256('other') } }]);
  inJson('unproved', [{ ...said, 'core-metadata': true }]);
  const { url } = await fileOf('wrong');
  await assert.rejects(
    server.curl(`/pypi/simple/wrong/${url}.metadata`).then(({ status }) => assert.equal(status, 200)),
  );
  const file = await fileOf('unproved');
  assert.equal(file['core-metadata'], undefined);
  assertProblem(await server.curl(`/pypi/simple/unproved/${file.url}.metadata`), 404, 'not-found');
});

test('a page that several ask for at once is written once, and remembered', async () => {
  const listed = Array.from({ length: 10_000 }, (_, at) => {
    const filename = `${'many'.repeat(100)}-${at}.tar.gz`;
    return { filename, url: `/files/${filename}`, hashes: { sha256: sha256(filename) } };
  });
  // Each time it is written the log tells of this one.
  inJson('many', [...listed, { filename: 'x-1.tar.gz', url: 'http://198.51.100.1/x-1.tar.gz', hashes: {} }]);
  const writes = () => server.log().match(/"project":"many"[^\n]*hosts that are not named/g)?.length ?? 0;
  await Promise.all([1, 2, 3, 4].map(() => read('/pypi/simple/many/')));
  for (let time = 0; time < 3; time++) await read('/pypi/simple/many/');
  assert.equal(writes(), 1);
});

test('another host is named: a page has another entity tag, and links its files', async () => {
  const url = 'http://files.example.org/there-1.tar.gz';
  inJson('there', [{ filename: 'there-1.tar.gz', url, hashes: { sha256: sha256('there') } }]);
  const before = await read('/pypi/simple/there/', json);
  assert.deepEqual(JSON.parse(before.text).files, []);
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  config.upstreams.index.redirectsTo = ['files.example.org'];
  await writeFile(site.config, JSON.stringify(config));
  const control = ['--control', server.control ?? '', '--config', site.config];
  const reloaded = await outcome(spawnCli(['config', 'reload', ...control]));
  assert.equal(reloaded.status, 0, reloaded.stderr);
  const next = await until(
    () => read('/pypi/simple/there/', json),
    ({ etag }) => etag !== before.etag,
    'the entity tag stays',
  );
  assert.equal(JSON.parse(next.text).files.length, 1);
});
