// A mirror of a PyPI index, which pip downloads from: pages in HTML and JSON, files of the index's own server
// and of another that is named.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { assertProblem } from '../../support/problem.ts';
import { temporaryFolder } from '../../support/store.ts';
import { startMirrors, startUpstream } from '../../support/upstream.ts';

const run = promisify(execFile);
const dir = await temporaryFolder();

/** Makes a wheel with one module. */
const makeWheel = `
import sys, zipfile
name, version, folder = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}.py", f"version = '{version}'\\n")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;
async function wheel(
  name: string,
  version: string,
): Promise<{ file: string; bytes: Buffer; sha256: string }> {
  await run('python3', ['-c', makeWheel, name, version, dir]);
  const file = `${name}-${version}-py3-none-any.whl`;
  const bytes = await readFile(join(dir, file));
  return { file, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
const hello = await wheel('hello', '1.0');
const world = await wheel('world', '2.0');

const pages = new Map<string, { type: string; body: string }>();
const files = new Map<string, Buffer>();
const index = await startUpstream((request, response) => {
  const path = request.url ?? '';
  const page = pages.get(path);
  const body = page ? Buffer.from(page.body) : files.get(path);
  if (!body) return void response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': page?.type ?? 'application/zip', 'Content-Length': body.length });
  response.end(body);
});
const other = await startUpstream((request, response) => {
  const body = files.get(`other${request.url}`);
  response.writeHead(body ? 200 : 404).end(body);
});
const rules = (path: string) => [{ match: `${path}simple/**`, freshSeconds: 0 }];
const mirrored = await startMirrors(
  {
    named: { url: `${index.url}pypi/`, attempts: 1, redirectsTo: ['127.0.0.1'] },
    alone: { url: `${index.url}pypi/`, attempts: 1 },
  },
  ['named', 'alone'].map((name) => ({
    ...{ path: `/${name}/`, prefix: `${name}/`, upstreams: [name] },
    mirror: {
      kind: 'pypi',
      rules: rules(`/${name}/`),
      local: ['ours/**', 'slashless-*', 'Under_Score.*/'].map((each) => `/${name}/simple/${each}`),
    },
  })),
);
const { server } = mirrored;
after(async () => {
  await mirrored.stop();
  index.close();
  other.close();
  await rm(dir, { recursive: true });
});
beforeEach(() => {
  index.asked.length = 0;
  other.asked.length = 0;
  files.clear();
  files.set(`/pypi/files/${hello.file}`, hello.bytes);
  files.set(`other/${world.file}`, world.bytes);
  pages.clear();
  pages.set('/pypi/simple/hello/', {
    type: 'text/html',
    body: `<a href="../../files/${hello.file}#sha256=${hello.sha256}" data-requires-python="&gt;=3.0">x</a>`,
  });
  const url = `${other.url}${world.file}`;
  const listed = [{ filename: world.file, url, hashes: { sha256: world.sha256 }, size: world.bytes.length }];
  pages.set('/pypi/simple/world/', {
    type: 'application/vnd.pypi.simple.v1+json',
    body: JSON.stringify({ meta: { 'api-version': '1.1' }, name: 'world', files: listed }),
  });
});

/** Downloads by pip, as with no settings of this machine. Resolves with the names of the files. */
async function pip(name: string, ...wanted: string[]): Promise<string[]> {
  const to = await mkdtemp(join(dir, 'pip-'));
  const own = Object.entries(process.env).filter(([each]) => !/^pip_|_proxy$/i.test(each));
  const env = {
    ...Object.fromEntries(own),
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
  };
  const plain = server.urls.find((url) => url.startsWith('http:'));
  const from = ['--index-url', `${plain}/${name}/simple/`, '--trusted-host', '127.0.0.1'];
  const quiet = ['--no-cache-dir', '--no-deps', '--retries', '0', '-d', to];
  await run('python3', ['-m', 'pip', 'download', ...from, ...quiet, ...wanted], { env });
  return (await readdir(to)).sort();
}
const page = async (path: string, ...args: string[]) => {
  const { status, body, headers } = await server.curl(path, ...args);
  return { status, text: body.toString(), headers };
};
const json = ['-H', 'Accept: application/vnd.pypi.simple.v1+json'];

test('pip downloads what a page in HTML links, and what one in JSON links on another host', async () => {
  assert.deepEqual(await pip('named', 'hello', 'world==2.0'), [hello.file, world.file]);
  assert.deepEqual(await pip('named', 'hello', 'world==2.0'), [hello.file, world.file]);
  const fetched = [...index.asked, ...other.asked].filter((asked) => asked.endsWith('.whl'));
  assert.deepEqual(fetched.sort(), [`GET /${world.file}`, `GET /pypi/files/${hello.file}`].sort());
  assert.match(index.fields.at(0)?.accept ?? '', /^application\/vnd\.pypi\.simple\.v1\+json,.*text\/html/);
});

test('a page comes in HTML and JSON, whichever the upstream has, with links here', async () => {
  for (const { project, file, sha256 } of [
    { project: 'hello', ...hello },
    { project: 'world', ...world },
  ]) {
    const inHtml = await page(`/named/simple/${project}/`);
    assert.match(inHtml.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(inHtml.text, new RegExp(`href="../../-/${sha256}/http/[^"]*${file}#sha256=${sha256}"`));
    const inJson = await page(`/named/simple/${project}/`, ...json);
    const { files, name } = JSON.parse(inJson.text);
    assert.deepEqual([name, files.length, files[0].hashes], [project, 1, { sha256 }]);
    const tag = inJson.headers.get('etag') ?? '';
    const again = await page(`/named/simple/${project}/`, ...json, '-H', `If-None-Match: ${tag}`);
    assert.deepEqual([again.status, again.text], [304, '']);
  }
  assert.match((await page('/named/simple/hello/')).text, /data-requires-python="&gt;=3\.0"/);
});

test('a file on a host that is not named is left out, and not to be had', async () => {
  assert.doesNotMatch((await page('/alone/simple/world/')).text, /href/);
  await mirrored.logged(/files of a project are on hosts that are not named/);
  const path = `/alone/-/${world.sha256}/http/127.0.0.1:${other.port}/${world.file}`;
  assertProblem(await server.curl(path), 404, 'not-found');
  assertProblem(await server.curl(`/named/-/-/http/127.0.0.1:${other.port}/${world.file}`), 404, 'not-found');
  assert.deepEqual(other.asked, []);
});

test('a file with other bytes than its page says is refused, and not kept', async () => {
  files.set(`/pypi/files/${hello.file}`, Buffer.from(hello.bytes).fill(0, 10, 20));
  const path = `/alone/-/${hello.sha256}/http/127.0.0.1:${index.port}/pypi/files/${hello.file}`;
  await assert.rejects(server.curl(path), /curl/);
  await assert.rejects(pip('alone', 'hello'));
  files.set(`/pypi/files/${hello.file}`, hello.bytes);
  assert.deepEqual(await pip('alone', 'hello'), [hello.file]);
});

test('other spellings of a project are led to its page; a local one is not asked for', async () => {
  const { status, headers } = await page('/named/simple/He__llo/');
  assert.deepEqual([status, headers.get('location')], [301, '../he-llo/']);
  assert.equal((await page('/named/simple/hello')).headers.get('location'), 'hello/');
  pages.set('/pypi/simple/ours/', { type: 'text/html', body: `<a href="x-1.tar.gz">x</a>` });
  assertProblem(await server.curl('/named/simple/ours/'), 404, 'not-found');
  assert.deepEqual(index.asked, []);
});

test('local patterns without a slash and in another spelling keep projects from upstreams', async () => {
  for (const project of ['slashless-a', 'under-score-a', 'Under_Score.a', 'under--score-a']) {
    pages.set(`/pypi/simple/${project}/`, { type: 'text/html', body: `<a href="x-1.tar.gz">x</a>` });
    assertProblem(await server.curl(`/named/simple/${project}/`, '-L'), 404, 'not-found');
  }
  assert.deepEqual(index.asked, []);
});

test('a made-up digest reads nothing of what is elsewhere on the server of the index', async () => {
  const secret = Buffer.alloc(1_000_000, 'secret');
  files.set('/private/secret', secret);
  files.set('other/secret', secret);
  const made = '0'.repeat(64);
  for (const at of [`127.0.0.1:${index.port}/private/secret`, `127.0.0.1:${other.port}/secret`])
    assertProblem(await server.curl(`/named/-/${made}/http/${at}`), 502, 'upstream-unusable');
  const right = createHash('sha256').update(secret).digest('hex');
  const { body } = await server.curl(`/named/-/${right}/http/127.0.0.1:${index.port}/private/secret`);
  assert.deepEqual(body, secret);
});

test('a page that the bucket has no room for is 507, and never sent as the upstream has it', async () => {
  const full = await startMirrors({ index: { url: `${index.url}pypi/`, attempts: 1 } }, [
    { path: '/full/', upstreams: ['index'], mirror: { kind: 'pypi', maxBytes: 1 } },
  ]);
  try {
    assertProblem(await full.server.curl('/full/simple/world/'), 507, 'store-full');
    assert.deepEqual(index.asked, ['GET /pypi/simple/world/']);
  } finally {
    await full.stop();
  }
});

test('a page that is none, and one whose links are hostile', async () => {
  pages.set('/pypi/simple/bad/', { type: 'application/vnd.pypi.simple.v1+json', body: '{"files": 1}' });
  assertProblem(await server.curl('/named/simple/bad/'), 502, 'upstream-unusable');
  const links = [
    'javascript:alert(1)',
    '//[',
    'http://u:p@127.0.0.1/a-1.whl',
    'a"><script>-1.whl',
    'a.whl?x=1',
  ];
  const body = links.map((href) => `<a href='${href}'>x</a>`).join('');
  pages.set('/pypi/simple/hostile/', { type: 'text/html', body });
  assert.doesNotMatch((await page('/named/simple/hostile/')).text, /href|script/);
});
