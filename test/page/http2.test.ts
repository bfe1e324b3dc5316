// A page with many objects in a real browser over TLS: all of them come by HTTP/2, on one connection, and
// whole. Where HTTP/2 is turned off the same page comes by HTTP/1.1.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Browser, chromium } from 'playwright-core';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const objects = 300;
const image = (n: number) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${n + 1}" height="1"><!--${'x'.repeat(n * 100)}--></svg>`;
const numbers = Array.from({ length: objects }, (_, n) => n);
const files: Record<string, string> = {
  'index.html': `<!DOCTYPE html><title>many</title><link rel="icon" href="data:,">
    ${numbers.map((n) => `<img src="images/${n}.svg">`).join('')}`,
  ...Object.fromEntries(numbers.map((n) => [`images/${n}.svg`, image(n)])),
};

const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [{ host: '*', bucket: 'web' }],
});
await writeTree(`${site.dir}/tree`, files);
await runCli('import', `${site.dir}/tree`, '--bucket', 'web', '--config', site.config);
const browser: Browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
after(async () => {
  await browser.close();
  await site.remove();
});

interface Shown {
  /** Of the page itself. */
  page: string;
  /** Of each image, by how many came with it. */
  images: Record<string, number>;
  /** Widths of the images, in the order of the page. */
  widths: number[];
}

/** What the page says of itself (Resource Timing, nextHopProtocol). As a text, so that it is no code here. */
const told = `(() => {
  const images = {};
  for (const { nextHopProtocol } of performance.getEntriesByType('resource'))
    images[nextHopProtocol] = (images[nextHopProtocol] ?? 0) + 1;
  return {
    page: performance.getEntriesByType('navigation')[0].nextHopProtocol,
    images,
    widths: [...document.images].map(({ naturalWidth }) => naturalWidth),
  };
})()`;

async function shown(server: TestServer): Promise<Shown> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000); // milliseconds; some machines are slow
  await page.addInitScript('performance.setResourceTimingBufferSize(1000)');
  await page.goto(server.url.replace('127.0.0.1', 'localhost'));
  const all = await page.evaluate<Shown>(told);
  await context.close();
  return all;
}

const widths = numbers.map((n) => n + 1);

test('300 images over TLS: h2 for all of them, on one connection', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    assert.deepEqual(await shown(server), { page: 'h2', images: { h2: objects }, widths });
    assert.equal(await server.metric('sealgate_http2_connections_total'), 1);
    assert.equal(await server.metric('sealgate_http2_aborts_total'), 0);
  } finally {
    await server.stop();
  }
});

test('--no-http2: http/1.1 for all of them', async () => {
  const server = await TestServer.start(site, '--workers', '1', '--no-http2');
  try {
    assert.deepEqual(await shown(server), { page: 'http/1.1', images: { 'http/1.1': objects }, widths });
  } finally {
    await server.stop();
  }
});
