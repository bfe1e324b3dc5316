// The dashboard in a real browser: it shows the server's state, makes changes only with a reason, and loads
// nothing from other hosts.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { digestOf, file, message } from '../support/action_results.ts';
import { sha256, TestCache } from '../support/bazel.ts';
import { blobOf, imageOf, TestRegistry } from '../support/registry.ts';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { startUpstream } from '../support/upstream.ts';

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
await writeFile(site.config, JSON.stringify({ ...config, guard: { intervalSeconds: 0.3 } }));
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await browser.close();
  await server.stop();
  await site.remove();
});

interface Opened {
  page: Page;
  /** Errors that the browser reported, and requests to other hosts. */
  complaints: string[];
}

async function open(url = server.control ?? '', options: BrowserContextOptions = {}): Promise<Opened> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(120_000); // milliseconds; some machines are slow
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) complaints.push(request.url());
  });
  await page.goto(url);
  return { page, complaints };
}

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor();

test('the dashboard shows a server under load, without browser errors or other hosts', async () => {
  await writeFile(join(site.dir, 'object'), 'x'.repeat(300_000));
  await server.put('/o/files/object', join(site.dir, 'object'));
  const { page, complaints } = await open();
  await shows(page, '#headline', /ready/);
  await shows(page, '#headline', /instrument/);
  await server.curl('/o/files/object');
  await shows(page, '#paths-chart figcaption', /tls-file/);
  await page.locator('#paths-chart canvas').waitFor();
  await shows(page, '#matrix tbody', /TLSv1\.3/);
  await shows(page, '#store', /GiB/);
  await shows(page, '#store', /Freed since the start\s*0 blobs.*Last collection/s);
  await shows(page, '#doctor', /certificates/);
  await shows(page, '#audit tbody', /first start/);
  assert.deepEqual(complaints, []);
  await page.close();
});

test('publishing points: a table of what came to each; without any there is none', async () => {
  const bare = await open();
  await shows(bare.page, '#headline', /ready/);
  assert.equal(await bare.page.locator('#points').isVisible(), false);
  await bare.page.close();
  const other = await createSite({
    buckets: { channels: 'versioned' },
    sites: [{ protocol: 'live', name: 'ch', bucket: 'channels', path: '/ch/' }],
  });
  const live = await TestServer.start(other, '--workers', '1');
  for (const [number, bytes] of [
    [0, 'a'],
    [1, 'b'],
    [1, 'other'],
  ] as const) {
    const file = join(other.dir, 'segment');
    await writeFile(file, bytes);
    await live.curl(`/ch/out${number}.ts`, '-T', file, '-H', `Authorization: Bearer ${other.token}`);
  }
  const { page, complaints } = await open(live.control);
  await shows(page, '#points tbody tr', /ch.*s.*–.*2.*0.*0.*1.*0/s);
  assert.deepEqual(complaints, []);
  await page.close();
  await live.stop();
  await other.remove();
});

test('mirrors: tables of what each keeps and of its upstreams; without mirrors there are none', async () => {
  const bare = await open();
  await shows(bare.page, '#headline', /ready/);
  assert.equal(await bare.page.locator('#mirrors').isVisible(), false);
  await bare.page.close();
  const upstream = await startUpstream((request, response) => {
    if (request.url === '/none') return void response.writeHead(404).end();
    response.setHeader('content-length', 600).end('x'.repeat(600));
  });
  const mirror = { maxBytes: 1000, rules: [{ match: '/m/**', immutable: true }] };
  const site = { protocol: 'mirror', name: 'pub', path: '/m/', bucket: 'kept', upstreams: ['up'], mirror };
  const other = await createSite({
    buckets: { kept: 'versioned' },
    upstreams: { up: { url: upstream.url } },
    sites: [site],
  });
  const mirrored = await TestServer.start(other, '--workers', '1');
  for (const name of ['a', 'a', 'b', 'none', 'b']) await mirrored.curl(`/m/${name}`);
  const { page, complaints } = await open(mirrored.control);
  await shows(page, '#mirrors tbody tr', /pub\s*kept\s*600 B\s*60\.0 % of 1000 B\s*1\s*1 \(600 B\)\s*0/);
  await shows(page, '#upstreams tbody tr', /up\s*in order\s*40\.0 %\s*2\s*0\s*1\s*0\s*0\s*1\.2 KiB\s*0/);
  assert.deepEqual(complaints, []);
  await page.close();
  await mirrored.stop();
  await other.remove();
  upstream.close();
});

test('repositories: a table of what each has; without registries there is none', async () => {
  const bare = await open();
  await shows(bare.page, '#headline', /ready/);
  assert.equal(await bare.page.locator('#repositories').isVisible(), false);
  await bare.page.close();
  const registry = await TestRegistry.start({ registry: { countPulls: true } });
  const [config, layer] = [blobOf('{}'), blobOf(Buffer.alloc(2048))];
  await registry.push('team/app', config, layer);
  await registry.put('team/app', 'v1', imageOf(config, [layer]));
  for (let i = 0; i < 3; i++) await registry.ask('GET', '/v2/team/app/manifests/v1');
  const { page, complaints } = await open(registry.server.control);
  await shows(
    page,
    '#repositories tbody tr',
    /images\/team\/app\s*1\s*1\s*2\.\d KiB\s*2\.\d KiB\s*0 B.*3\s*$/s,
  );
  assert.deepEqual(complaints, []);
  const metrics = await (await fetch(`${registry.server.control}/metrics`)).text();
  assert.match(metrics, /^sealgate_repository_bytes\{bucket="images",repository="team\/app"\} 2\d{3}$/m);
  assert.match(metrics, /^sealgate_repository_pulls\{bucket="images",repository="team\/app"\} 3$/m);
  await page.close();
  await registry.stop();
});

test('build caches: a table of hits, misses and refusals; without any there is none', async () => {
  const bare = await open();
  await shows(bare.page, '#headline', /ready/);
  assert.equal(await bare.page.locator('#builds').isVisible(), false);
  await bare.page.close();
  const cache = await TestCache.start({ name: 'ci', bazel: { maxBytes: 1000 } });
  const its = digestOf('x'.repeat(300));
  await cache.store('x'.repeat(300));
  const [complete, incomplete] = [sha256('one action'), sha256('another')];
  await cache.put(`ac/${complete}`, message(file('a', its)));
  await cache.put(`ac/${incomplete}`, message(file('a', digestOf('nobody has it'))));
  for (let i = 0; i < 3; i++) await cache.ask('GET', `ac/${complete}`);
  for (const path of [`ac/${incomplete}`, `cas/${sha256('absent')}`]) await cache.ask('GET', path);
  await cache.put(`ac/${complete}`, 'no result');
  const { page, complaints } = await open(cache.server.control);
  const told = /ci\s*3\s*2\s*1\s*60\.0 %\s*3 \(\d+ B\)\s*1\s*0\s*\d+ B\s*\d\d\.\d % of 1000 B\s*0 \(0 B\)/;
  await shows(page, '#builds tbody tr', told);
  assert.deepEqual(complaints, []);
  await page.close();
  await cache.stop();
});

test('sites: a table of what each answered; without sites there is none', async () => {
  const bare = await open();
  await shows(bare.page, '#headline', /ready/);
  assert.equal(await bare.page.locator('#sites').isVisible(), false);
  await bare.page.close();
  const other = await createSite({ sites: [{ protocol: 'objects', name: 'docs' }] });
  const sited = await TestServer.start(other, '--workers', '1');
  for (let i = 0; i < 3; i++) await sited.curl('/o/files/none');
  const { page, complaints } = await open(sited.control);
  await shows(page, '#sites tbody tr', /docs.*3.*0 B.*3.*0.*0/s);
  assert.deepEqual(complaints, []);
  await page.close();
  await sited.stop();
  await other.remove();
});

test('players: a table of what they said of a video site; without players there is none', async () => {
  const other = await createSite({ sites: [{ protocol: 'objects', name: 'films', preset: 'video' }] });
  const sited = await TestServer.start(other, '--workers', '1');
  const before = await open(sited.control);
  await shows(before.page, '#headline', /ready/);
  assert.equal(await before.page.locator('#players').isVisible(), false);
  await before.page.close();
  for (const said of ['bl=4000,mtp=8000,ot=v', 'bl=4000,mtp=8000,ot=v,su', 'bl=0,bs,mtp=800,ot=v,su'])
    await sited.curl(`/o/films/1.m4s?CMCD=${encodeURIComponent(said)}`);
  await sited.curl('/o/films/1.m4s');
  const { page, complaints } = await open(sited.control);
  // The engine's bounds are up to a quarter above.
  const row = /films\s*3\s*1 \(33[^)]*\)\s*2\s*4\.\d+ s, 0[^,]*s\s*8\.\d+ Mbit\/s, 0\.\d+ Mbit\/s\s*–/;
  await shows(page, '#players tbody tr', row);
  assert.deepEqual(complaints, []);
  await page.close();
  await sited.stop();
  await other.remove();
});

test('the first screen says whether kernel TLS is better, and whether there are symptoms', async () => {
  const { page } = await open();
  const here = /not here|Not tried|Not known yet|No worse|Yes/;
  await shows(page, '#better', here);
  await shows(page, '#wrong', /Nothing odd|odd: \d|Yes: \d/);
  await shows(page, '#share', /of the bytes sent over TLS/);
  await page.close();
});

test('findings of severity ok are folded up below the warnings of the doctor', async () => {
  const { page } = await open();
  await shows(page, '#doctor summary', /^\d+ checks are in order$/);
  const shown = await page.locator('#doctor > ul > li').allInnerTexts();
  assert.ok(!shown.some((each) => each.startsWith('ok')), shown.join('\n'));
  await page.close();
});

test('axis labels are not cut off', async () => {
  const { page } = await open();
  await page.locator('#paths-chart .u-over').waitFor();
  const { room, widest } = await page.evaluate(() => {
    const over = document.querySelector<HTMLElement>('#paths-chart .u-over');
    const pen = document.createElement('canvas').getContext('2d');
    if (!over || !pen) throw new Error('there is no chart');
    pen.font = '12px system-ui';
    return { room: Number.parseFloat(over.style.left), widest: pen.measureText('488.3 KiB/s').width };
  });
  // One object of 300 kB went out, so the labels have such a length; ticks and gaps take 10 pixels more.
  assert.ok(room > widest + 10, `${room} pixels for labels of ${widest}`);
  await page.close();
});

test('a change asks for a reason and lands in the audit log', async () => {
  const { page } = await open();
  await page.getByRole('button', { name: 'Change…' }).click();
  await page.getByLabel('Phase').selectOption('tx-canary');
  await page.getByLabel('Canary, percent of the slice').fill('25');
  await page.getByRole('button', { name: 'Apply to new connections' }).click();
  assert.ok(await page.locator('#change-dialog').isVisible(), 'without a reason nothing happens');
  await page.locator('#change-why').fill('from the page');
  // This host may have no kernel TLS, so the change is forced.
  await page.locator('#force').check();
  await page.getByRole('button', { name: 'Apply to new connections' }).click();
  await shows(page, '#rollout', /tx-canary/);
  await shows(page, '#audit tbody', /from the page/);
  await page.close();
});

test('a rollback works with the keyboard alone', async () => {
  const { page } = await open();
  await shows(page, '#rollout', /tx-canary/);
  await page.getByRole('button', { name: 'Roll back…' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#back-why').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#back-dialog').waitFor({ state: 'hidden' });
  await page.keyboard.press('Enter');
  await page.locator('#back-why').focus();
  await page.keyboard.type('by keyboard');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await shows(page, '#rollout', /instrument/);
  await shows(page, '#rollout', /Rolled back.*; (nothing moved since|the last connection moved \d)/s);
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  assert.match(audit.trimEnd().split('\n').at(-1) ?? '', /"why":"by keyboard"/);
  await page.close();
});

test('a refused change shows the reason and keeps the dialog open', async () => {
  const { page } = await open();
  await page.route('**/rollout', (route) =>
    route.request().method() === 'POST' ? route.continue({ postData: '{"percent":5}' }) : route.continue(),
  );
  await page.getByRole('button', { name: 'Change…' }).click();
  await page.locator('#change-why').fill('spoiled on its way');
  await page.getByRole('button', { name: 'Apply to new connections' }).click();
  await shows(page, '#change-error', /why/);
  assert.ok(await page.locator('#change-dialog').isVisible());
  await page.close();
});

test('the dashboard fits the screen of a phone and follows dark mode', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await open(server.control, { viewport: { width: 360, height: 700 }, colorScheme });
    await shows(page, '#doctor', /certificates/);
    const { wide, cut, ground } = await page.evaluate(() => ({
      cut: [...document.querySelectorAll('td')].filter(
        (cell) => cell.getBoundingClientRect().right > window.innerWidth,
      ).length,
      wide: document.documentElement.scrollWidth > window.innerWidth,
      ground: getComputedStyle(document.documentElement).backgroundColor,
    }));
    assert.equal(wide, false, 'no scrolling sideways');
    assert.equal(cut, 0, 'no cell of a table is cut off');
    const [red = 0] = (/\d+/.exec(ground) ?? []).map(Number);
    assert.equal(red < 128, colorScheme === 'dark', ground);
    await page.close();
  }
});

test('control.auth token: the dashboard asks for a token and keeps it for the tab', async () => {
  const other = await createSite();
  const settings = { ...JSON.parse(await readFile(other.config, 'utf8')), control: { auth: 'token' } };
  await writeFile(other.config, JSON.stringify(settings));
  const token = (await runCli('token', 'add', 'control:read', '--config', other.config)).trim();
  const guarded = await TestServer.start(other, '--workers', '1');
  try {
    const { page } = await open(guarded.control);
    const acceptance = new EventEmitter();
    const accepted = once(acceptance, 'accepted');
    // One of the requests with the wrong token is refused after the right one was accepted.
    await page.route('**/audit', async (route) => {
      if (route.request().headers().authorization === 'Bearer sgt_wrong') await accepted;
      await route.continue();
    });
    await page.getByLabel('Token').fill('sgt_wrong');
    await page.keyboard.press('Enter');
    await shows(page, '#token-error', /does not know/);
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    await shows(page, '#headline', /ready/);
    const refused = page.waitForResponse((response) => response.status() === 401);
    acceptance.emit('accepted');
    await refused;
    await page.reload();
    await shows(page, '#headline', /ready/);
    assert.equal(await page.evaluate(() => document.cookie + JSON.stringify(localStorage)), '{}');
    await page.getByRole('button', { name: 'Roll back…' }).click();
    await page.locator('#back-why').fill('without the right to');
    await page.locator('#back-dialog').getByRole('button', { name: 'Roll back' }).click();
    await shows(page, '#back-error', /control:operate/);
    await page.close();
  } finally {
    await guarded.stop();
    await other.remove();
  }
});
