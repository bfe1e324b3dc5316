// A whole web site in a real browser: the documentation of an npm package, with a font, WebAssembly, a source
// map and a video, from a bucket. Beside it nginx serves the same files, coded by brotli and gzip beforehand.

import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { Cache } from '../caches/cache.ts';
import { type Logged, Origin } from '../caches/origin.ts';
import { programOf } from '../support/unpacked.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';
import { writeDocumentation } from './documentation.ts';
import { type Visit, visit } from './visits.ts';

const dir = await mkdtemp(join(tmpdir(), 'sealgate-page-'));
const tree = join(dir, 'tree');
await writeDocumentation(tree);
const names = readdirSync(tree, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1));
const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(tree, name))]));
const origin = await Origin.start(files, [
  {
    host: 'docs.localhost',
    bucket: 'web',
    compress: true,
    caching: [{ match: '/assets/**', maxAge: 86_400 }],
  },
]);
const nginx = await startNginx();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
after(async () => {
  await browser.close();
  await nginx.stop();
  await origin.stop();
  await rm(dir, { recursive: true });
});
const home = `http://docs.localhost:${new URL(origin.server.urls[1] ?? '').port}/`;

async function startNginx(): Promise<Cache> {
  const packages = 'nginx nginx-common libnginx-mod-http-brotli-static';
  const program = programOf(packages, 'usr/sbin/nginx');
  const root = join(dir, 'nginx');
  cpSync(tree, root, { recursive: true });
  for (const name of names.filter((each) => !each.endsWith('.mp4'))) {
    const bytes = readFileSync(join(tree, name));
    writeFileSync(join(root, `${name}.br`), brotliCompressSync(bytes));
    writeFileSync(join(root, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = join(dir, 'nginx.conf');
  const commandFor = async (port: number) => {
    writeFileSync(
      config,
      `load_module ${join(program, '../../lib/nginx/modules/ngx_http_brotli_static_module.so')};
    daemon off; worker_processes 1; ${process.getuid?.() === 0 ? 'user root;' : ''} pid ${dir}/nginx.pid;
    error_log stderr error; events { worker_connections 64; }
    http {
      ${temporary.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')}
      include ${join(program, '../../../etc/nginx/mime.types')}; access_log off;
      server {
        listen 127.0.0.1:${port}; root ${root}; gzip_static on; brotli_static on; gzip_vary on;
        location /assets/ { add_header Cache-Control "public, max-age=86400"; }
      }
    }`,
    );
    return [program, '-p', dir, '-c', config, '-e', 'stderr'];
  };
  return Cache.start('nginx', commandFor);
}

const coded = names.filter((name) => !name.endsWith('.mp4'));

/** Resolves when every file has been coded, as it is some seconds after it was first asked for. */
async function codedAll(): Promise<void> {
  const wire = await Wire.open(origin.server.urls[1] ?? '');
  const isCoded = async (name: string) => {
    const { headers } = await wire.get(`/${name}`, 'Host: docs.localhost', 'Accept-Encoding: br');
    return headers.get('content-encoding') === 'br';
  };
  for (const name of coded) await isCoded(name);
  for (const name of coded) await until(() => isCoded(name), Boolean, `${name} in br`);
  wire.close();
}

const sum = ({ fetched }: Visit, what: 'head' | 'body') =>
  [...fetched.values()].reduce((all, each) => all + each[what], 0);

test("a site is shown without an error, in bodies no larger than nginx's, then from the cache", async (t) => {
  await codedAll();
  const context = await browser.newContext();
  const first = await visit(context, home);
  assert.deepEqual(first.errors, []);
  const { chapters, functions, sources } = await first.page.evaluate<Record<string, number>>('window.shown');
  assert.equal(chapters, names.filter((name) => name.startsWith('docs/')).length);
  assert.ok(functions && sources, `${functions} functions of WebAssembly, ${sources} sources in the map`);
  // All but the icon and the video.
  assert.equal(first.fetched.size, names.length - 2);
  for (const [path, { coding }] of first.fetched) assert.equal(coding, 'br', path);

  const again = await visit(context, home);
  assert.deepEqual(again.errors, []);
  for (const [path, { body }] of again.fetched) assert.equal(body, 0, `${path} was sent again`);
  for (const [path, { head }] of again.fetched)
    if (path.startsWith('/assets/')) assert.equal(head, 0, `${path} was asked for again`);
  await context.close();

  const other = await browser.newContext();
  const byNginx = await visit(other, `http://docs.localhost:${new URL(nginx.url).port}/`);
  assert.deepEqual(byNginx.errors, []);
  await other.close();
  const told = (what: Visit) => `${sum(what, 'body')} bytes of bodies and ${sum(what, 'head')} of heads`;
  t.diagnostic(`sealgate: ${told(first)}; again: ${told(again)}; nginx: ${told(byNginx)}`);
  assert.ok(sum(first, 'body') <= sum(byNginx, 'body'));
});

test('over TLS the site is shown without an error, and all of it comes by h2', async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const { page, fetched, errors } = await visit(
    context,
    `https://docs.localhost:${new URL(origin.server.url).port}/`,
  );
  assert.deepEqual(errors, []);
  assert.equal(fetched.size, names.length - 2);
  const protocols = await page.evaluate<string[]>(`['navigation', 'resource'].flatMap((kind) =>
    performance.getEntriesByType(kind).map(({ nextHopProtocol }) => nextHopProtocol))`);
  assert.ok(protocols.length > names.length - 2);
  assert.deepEqual(new Set(protocols), new Set(['h2']));
  await context.close();
});

test('a video is played from where one seeks to, by a range of it', async () => {
  const context = await browser.newContext();
  const { page } = await visit(context, home);
  const position = await page.evaluate(`new Promise((resolve, reject) => {
    const video = document.querySelector('video');
    video.onseeked = () => resolve(video.currentTime);
    video.onerror = () => reject(video.error);
    video.currentTime = 25;
  })`);
  assert.equal(position, 25);
  const isPart = ({ target, status, range = '' }: Logged) =>
    target === '/assets/tour.mp4' && status === 206 && /^bytes=[1-9]\d{5,}-/.test(range);
  await until(
    () => origin.log(),
    (lines) => lines.some(isPart),
    'a range far inside the video',
  );
  await context.close();
});
