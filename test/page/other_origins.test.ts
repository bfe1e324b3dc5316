// Sites in a real browser: a page uses a module, data and WebAssembly of another site that allows its
// origin, gets nothing of one that does not, and uploaded HTML runs no script.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { runCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';

const port = await freePort();
const at = (host: string) => `http://${host}.test:${port}`;
const wasm = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const files: Record<string, string | Uint8Array> = {
  'index.html': '<!DOCTYPE html><title>page</title>',
  'module.js': 'export const answer = 42;',
  'data.json': '{"a":1}',
  'empty.wasm': wasm,
  'upload.html': '<!DOCTYPE html><title>upload</title><script>document.title = origin</script>',
};
const site = await createSite({
  buckets: { web: 'versioned' },
  sites: [
    { host: 'app.test', bucket: 'web' },
    { host: 'shared.test', bucket: 'web', cors: { origins: [at('app')], headers: ['X-Own'] } },
    { host: 'closed.test', bucket: 'web' },
    { host: 'uploads.test', protocol: 'objects' },
  ],
});
const tree = join(site.dir, 'tree');
await mkdir(tree);
for (const [name, content] of Object.entries(files)) await writeFile(join(tree, name), content);
await runCli('import', tree, '--bucket', 'web', '--config', site.config);
const server = await TestServer.start(site, '--workers', '1', '--listen', `http://127.0.0.1:${port}`);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--host-resolver-rules=MAP *.test 127.0.0.1'],
});
after(async () => {
  await browser.close();
  await server.stop();
  await site.remove();
});

async function opened(url: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000); // milliseconds; some machines are slow
  await page.goto(url);
  return page;
}

/** What a page of app.test gets from another site. As a text, so that it is no code of this file. */
const uses = (from: string) => `(async () => {
  const tried = {
    module: () => import('${from}/module.js').then(({ answer }) => answer),
    data: () => fetch('${from}/data.json').then((response) => response.json()).then(({ a }) => a),
    preflight: () => fetch('${from}/data.json', { headers: { 'X-Own': '1' } }).then(({ status }) => status),
    etag: () => fetch('${from}/data.json').then(({ headers }) => headers.get('etag').length),
    missing: () => fetch('${from}/none').then(({ status }) => status),
    wasm: () => WebAssembly.instantiateStreaming(fetch('${from}/empty.wasm')).then(() => 'made'),
  };
  const got = {};
  for (const [what, use] of Object.entries(tried)) got[what] = await use().catch(() => 'refused');
  return got;
})()`;

test('a page uses what a site shares with its origin, twice, the second time from kept plans', async () => {
  const page = await opened(at('app'));
  for (let times = 0; times < 2; times++)
    assert.deepEqual(await page.evaluate(uses(at('shared'))), {
      module: 42,
      data: 1,
      preflight: 200,
      etag: 66,
      missing: 404,
      wasm: 'made',
    });
  await page.close();
});

test('a page reads nothing of a site that shares nothing', async () => {
  const page = await opened(at('app'));
  const got = (await page.evaluate(uses(at('closed')))) as Record<string, unknown>;
  assert.deepEqual(new Set(Object.values(got)), new Set(['refused']));
  await page.close();
});

test('uploaded HTML runs no script at an objects site, and does at a web site', async () => {
  const upload = await opened(`${at('uploads')}/o/web/upload.html`);
  assert.equal(await upload.title(), 'upload');
  await upload.close();
  const page = await opened(`${at('app')}/upload.html`);
  assert.equal(await page.title(), at('app'));
  await page.close();
});
