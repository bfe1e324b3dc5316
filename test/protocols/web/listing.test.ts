// Listings of web sites: any name is a link that leads to it and nothing else, and large folders come in
// pages.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { EngineRequest } from '../../../src/engine/engine_request.ts';
import { web } from '../../../src/protocols/web/index.ts';
import type { Mount } from '../../../src/sites/mount.ts';
import { openTestApp } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

const mount: Mount = {
  host: '*',
  path: '/at/',
  protocol: 'web',
  bucket: 'live',
  site: { host: '*', path: '/at/', protocol: 'web', bucket: 'live', prefix: 'pub/', listing: 'html' },
};
const handle = web.serve(app.services, mount);
async function ask(target: string): Promise<{ status: number; html: string }> {
  const request = {
    mount: 1,
    method: 'GET',
    target,
    head: '',
    codings: 0,
    authority: '',
    hasBody: false,
    subject: '',
  };
  const answer = await handle(new EngineRequest(request));
  if (answer.kind === 'deliver') return { status: answer.status ?? 200, html: answer.blob.digest };
  assert.ok(answer.kind === 'respond');
  return { status: answer.status, html: String(answer.body) };
}

const odd = [
  '<script>alert(1)<',
  '"><img src=x>',
  "'a'",
  'a&amp;b',
  'javascript:alert(1)',
  'a?b#c',
  '%2e%2e',
  'ü ö',
];

test('names are escaped, and each link leads to its object', async () => {
  for (const name of odd) await app.put(`/o/live/pub/odd/${encodeURIComponent(name)}`, name);
  const { status, html } = await ask('/at/odd/');
  assert.equal(status, 200);
  assert.doesNotMatch(html, /<script|<img|&amp;b<\/a>$|"javascript:/);
  const links = [...html.matchAll(/<a href="([^"]*)">/g)].map(([, link]) => link ?? '');
  assert.deepEqual(links.slice(1).map(decodeURIComponent).sort(), [...odd].sort());
  for (const link of links.slice(1)) {
    const url = new URL(link, 'http://site.test/at/odd/');
    assert.equal(url.host, 'site.test');
    const found = await ask(url.pathname);
    assert.match(found.html, /^[0-9a-f]{64}$/, link);
  }
});

test('names outside the prefix of the site are not in its listing', async () => {
  await app.put('/o/live/secret', 'x');
  await app.put('/o/live/pub/seen', 'x');
  const { html } = await ask('/at/');
  assert.match(html, />seen</);
  assert.match(html, /<a href="odd\/">odd\/<\/a>/);
  assert.doesNotMatch(html, /secret|pub/);
});

test('a large folder comes in pages, each name once', async () => {
  const { digest } = JSON.parse(String((await app.put('/o/live/pub/seed', 'x')).body)) as { digest: string };
  const names = Array.from({ length: 6000 }, (_, at) => `n${String(at).padStart(5, '0')}`);
  for (let from = 0; from < names.length; from += 2000) {
    const part = names.slice(from, from + 2000).map((name) => ({ name: `pub/many/${name}`, to: { digest } }));
    await app.objects.switchNames('live', part, undefined);
  }
  const seen: string[] = [];
  let target = '/at/many/';
  for (let pages = 0; target !== '' && pages < 10; pages++) {
    const { html } = await ask(target);
    seen.push(...[...html.matchAll(/<a href="(n\d+)">/g)].map(([, name]) => name ?? ''));
    const more = /<a href="(\?after=[^"]*)">/.exec(html)?.[1];
    target = more === undefined ? '' : `/at/many/${more}`;
  }
  assert.deepEqual(seen, names);
});

test('a folder that is not there has no listing, the site itself has one though it is empty', async () => {
  assert.equal((await ask('/at/none/')).status, 404);
  const empty = web.serve(app.services, {
    ...mount,
    site: { ...mount.site, prefix: 'empty/' } as Mount['site'] & {},
  });
  const request = {
    mount: 1,
    method: 'GET',
    target: '/at/',
    head: '',
    codings: 0,
    authority: '',
    hasBody: false,
    subject: '',
  };
  const answer = await empty(new EngineRequest(request));
  assert.ok(answer.kind === 'respond' && answer.status === 200);
});
