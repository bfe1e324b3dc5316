// sealgate explain: which site, object and rules answer a URL, and why, as the answer itself shows.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Explanation } from '../../src/sites/explain.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  auth: { reads: 'token', tokens: 'tokens.json' },
  sites: [
    {
      host: 'www.test',
      bucket: 'web',
      redirects: [
        { from: '/x', to: '/y' },
        { from: '/old/*', to: '/new/$1', status: 302 },
      ],
      caching: [
        { match: '/*.css', maxAge: 5 },
        { match: '/**', maxAge: 60 },
      ],
      fields: [
        { match: '/*.css', set: { 'X-A': '1' } },
        { match: '/d/**', set: { 'X-B': '1' } },
        { match: '/**', set: { 'X-C': '1' } },
      ],
      cors: { origins: ['https://a.test'] },
    },
    { host: 'www.test', path: '/d/e/', bucket: 'web' },
    { host: '*', path: '/d/', bucket: 'web', prefix: 'd/' },
    { host: '*.test', path: '/store/', protocol: 'objects' },
    { host: 'other.example', bucket: 'web' },
  ],
});
const added = await runCli('token', 'add', 'read:*', '--config', site.config);
const reader = /sgt_[\w-]+/.exec(added)?.[0] ?? '';
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});
await writeFile(join(site.dir, 'token'), site.token, { mode: 0o600 });
const beside = ['--config', site.config, '--token-file', join(site.dir, 'token')];
await writeFile(join(site.dir, 'upload'), 'body');
await runCli('put', join(site.dir, 'upload'), 'web/d/page.html', ...beside);

async function explained(url: string): Promise<Explanation> {
  const answer = await fetch(`${server.control}/explain?url=${encodeURIComponent(url)}`);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Explanation;
}

test('the site, object, rules, grant and answer of a page are told, as its GET has them', async () => {
  const said = await explained('https://www.test:8443/d/page.html?a=1');
  assert.deepEqual(said.site, { host: 'www.test', path: '/', protocol: 'web', bucket: 'web' });
  assert.deepEqual(said.others, [
    { site: 'www.test/d/e/', why: 'its path is another' },
    { site: '*/d/', why: 'a more specific host comes first' },
    { site: '*.test/store/', why: 'its path is another' },
  ]);
  assert.equal(said.elsewhere, 1);
  assert.deepEqual(said.object, { bucket: 'web', name: 'd/page.html' });
  assert.deepEqual(said.caching, { rule: 1, match: '/**' });
  assert.deepEqual(
    said.fields.map(({ rule }) => rule),
    [1, 2],
  );
  assert.deepEqual(
    [said.grant, said.cors?.origins, said.redirect],
    ['read:web', ['https://a.test'], undefined],
  );
  const token = ['-H', `Authorization: Bearer ${reader}`];
  const { status, headers } = await server.curl('/d/page.html', '-H', 'Host: www.test', ...token);
  assert.deepEqual([said.answer.status, said.answer.kept], [status, true]);
  assert.equal(`"${said.answer.digest}"`, headers.get('etag'));
  for (const [name, value] of said.answer.fields) assert.equal(headers.get(name.toLowerCase()), value, name);
});

test('a redirect, a path of another site, a host of none and an object are told', async () => {
  const redirect = await explained('http://www.test/old/a');
  assert.deepEqual(redirect.redirect, { rule: 1, match: '/old/*', status: 302, to: '/new/a' });
  assert.deepEqual([redirect.answer.status, redirect.object], [302, undefined]);
  const spelling = await explained('http://www.test/x/..//d/e/page');
  assert.deepEqual([spelling.seen, spelling.answer.status], ['/d/e/page', 308]);
  assert.deepEqual(spelling.others[0], {
    site: 'www.test/d/e/',
    why: 'the path as it was sent is another',
  });
  const none = await explained('http://nobody.example/a');
  assert.deepEqual([none.site, none.answer.problem, none.elsewhere], [undefined, 'not-found', 4]);
  const object = await explained('http://a.test/store/o/web/d/page.html');
  assert.deepEqual([object.site?.protocol, object.object?.name], ['objects', 'd/page.html']);
  const absent = await explained('http://www.test/absent');
  assert.deepEqual([absent.answer.status, absent.answer.problem], [404, 'not-found']);
});

test('what is no URL that clients can send is refused', async () => {
  for (const url of ['', 'www.test/a', 'ftp://a/', 'http://u@a/', 'http://a/ü', 'http://', 'http:///a']) {
    const answer = await fetch(`${server.control}/explain?url=${encodeURIComponent(url)}`);
    assert.equal(answer.status, 400, url);
  }
  assert.equal((await fetch(`${server.control}/explain?url=http://a/${'a'.repeat(8192)}`)).status, 400);
});

test("sealgate explain prints a line for each, and the server's own path stays secret", async () => {
  const control = ['--config', site.config, '--control', server.control ?? ''];
  const { status, stdout } = await outcome(spawnCli(['explain', 'http://www.test/d/page.html', ...control]));
  assert.equal(status, 0);
  assert.match(stdout, /^path {6}\/d\/page\.html\nsite {6}www\.test\/, protocol web, bucket web\nnot /);
  assert.match(
    stdout,
    /\ncaching {3}caching\.1 \/\*\*\nfields {4}fields\.1 \/d\/\*\*\nfields {4}fields\.2 \/\*\*\n/,
  );
  assert.match(stdout, /\nanswer {4}200\nbytes {5}sha256:[\da-f]{64}, 4 bytes\nkept {6}by the workers/);
  assert.doesNotMatch(stdout, /[\da-f]{8}-[\da-f]{4}-/);
});
