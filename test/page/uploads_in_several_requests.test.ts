// A page of another origin uploads by tus-js-client in a real browser and stops; another client in it goes
// on.

import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { root, runCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';

const port = await freePort();
/** The page's, and that of the uploads. */
const [pages, files] = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
const site = await createSite({
  buckets: { web: 'versioned', many: 'versioned' },
  auth: { reads: 'open' },
  sites: [
    { path: '/', bucket: 'web' },
    { path: '/files/', protocol: 'objects', resumableUploads: {}, cors: { origins: [pages] } },
    { path: '/closed/', protocol: 'objects', resumableUploads: {} },
  ],
});
const tree = join(site.dir, 'tree');
await mkdir(tree);
await copyFile(`${root}node_modules/tus-js-client/dist/tus.min.js`, join(tree, 'tus.min.js'));
await writeFile(
  join(tree, 'index.html'),
  `<!DOCTYPE html><title>uploads</title><link rel="icon" href="data:,"><script src="tus.min.js"></script>
  <script>
    const body = new Uint8Array(3000000).map((_, at) => at % 251);
    const upload = (options) => new Promise((resolve, reject) => {
      const one = new tus.Upload(new Blob([body]), {
        chunkSize: 1000000,
        retryDelays: null,
        headers: { Authorization: 'Bearer ' + token },
        ...options,
        onChunkComplete: (_, accepted) => {
          if (!options.stopAt || accepted < options.stopAt) return;
          one.abort();
          resolve({ url: one.url, accepted });
        },
        onError: (error) => reject(new Error(error.message)),
        onSuccess: () => resolve({ url: one.url }),
      });
      one.start();
    });
  </script>`,
);
await runCli('import', tree, '--bucket', 'web', '--config', site.config);
const server = await TestServer.start(site, '--workers', '1', '--listen', pages);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
after(async () => {
  await browser.close();
  await server.stop();
  await site.remove();
});

async function openPage() {
  const page = await browser.newPage();
  await page.goto(`${pages}/index.html`);
  await page.evaluate(`token = '${site.token}'`);
  return page;
}

test('it is begun, stopped, gone on with and given up from a page that the site shares with', async () => {
  const page = await openPage();
  const endpoint = `${files}/files/o/many/film`;
  const begun = await page.evaluate(`upload({ endpoint: '${endpoint}', stopAt: 1000000 })`);
  const { url, accepted } = begun as { url: string; accepted: number };
  assert.ok(accepted >= 1_000_000 && accepted < 3_000_000, `${accepted} bytes`);
  await page.evaluate(`upload({ endpoint: '${endpoint}', uploadUrl: '${url}' })`);
  const got = await fetch(endpoint);
  const bytes = new Uint8Array(await got.arrayBuffer());
  assert.equal(bytes.length, 3_000_000);
  assert.ok(bytes.every((byte, at) => byte === at % 251));
  const other = await page.evaluate(`upload({ endpoint: '${endpoint}', stopAt: 1000000 })`);
  const gone = (other as { url: string }).url;
  const headers = { Authorization: `Bearer ${site.token}`, 'Tus-Resumable': '1.0.0' };
  await page.evaluate(`tus.Upload.terminate('${gone}', { headers: { Authorization: 'Bearer ' + token } })`);
  assert.equal((await fetch(gone, { headers })).status, 404);
});

test('a page of an origin that the site does not share with cannot begin one', async () => {
  const page = await openPage();
  const begun = page.evaluate(`upload({ endpoint: '${files}/closed/o/many/film' })`);
  await assert.rejects(begun, /failed to create upload/);
});
