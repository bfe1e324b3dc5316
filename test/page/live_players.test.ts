// Players in a real browser: Debian's ffmpeg pushes HLS and low-latency DASH over TLS to publishing points,
// and hls.js, dash.js and shaka-player play them while they are made, also when the encoders are killed and
// started anew. The page is of another origin than the streams.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { outcome } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { begin, encoder, importPlayers, type Playback, playback } from './players.ts';

const live = { protocol: 'live', bucket: 'live' };
const site = await createSite({
  buckets: { web: 'versioned', live: 'versioned' },
  sites: [
    { host: 'localhost', bucket: 'web' },
    { ...live, path: '/ts/', prefix: 'ts/' },
    { ...live, path: '/fmp4/', prefix: 'fmp4/' },
    { ...live, path: '/dash/', prefix: 'dash/', readWhileWriting: ['/dash/**'] },
  ],
});
await importPlayers(site);
const log = join(site.dir, 'access.log');
const server = await TestServer.start(site, '--workers', '1', '--access-log', log);

const encodeAll = () => [
  encoder(`${server.url}/ts/out.m3u8`, 'ts', site.token),
  encoder(`${server.url}/fmp4/out.m3u8`, 'fmp4', site.token),
  encoder(`${server.url}/dash/out.mpd`, 'dash', site.token),
];

async function kill(killed: typeof encoders): Promise<void> {
  for (const each of killed) each.kill('SIGKILL');
  await Promise.all(killed.map((each) => outcome(each)));
}

let encoders = encodeAll();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
});
after(async () => {
  await browser.close();
  await kill(encoders);
  await server.stop();
  await site.remove();
});

// Enough for the delay that players keep: those that begin earlier begin where there is nothing yet.
for (const path of ['/ts/out2.ts', '/fmp4/out2.m4s', '/dash/chunk-stream0-00003.m4s'])
  await until(
    () => server.curl(path),
    ({ status }) => status === 200,
    path,
  );
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const [ts, fmp4, dash] = ['/ts/out.m3u8', '/fmp4/out.m3u8', '/dash/out.mpd'] as const;
const plays = (
  [
    ['hls.js', ts],
    ['hls.js', fmp4],
    ['shaka-player', fmp4],
    ['dash.js', dash],
    ['shaka-player', dash],
  ] as const
).map(([player, path]) => ({ player, path, page: begin(context, server.url, player, path) }));

async function played(seconds: number, { player, path, page }: (typeof plays)[number]): Promise<Playback> {
  const opened = await page;
  return until(
    () => playback(opened),
    ({ played, faults }) => played > seconds || faults.length > 0,
    `${player} plays ${path}`,
  );
}

for (const play of plays)
  test(`${play.player} plays ${play.path} for three seconds while it is made`, async (t) => {
    const { latency, faults } = await played(3, play);
    assert.deepEqual(faults, []);
    assert.ok(latency !== undefined && latency > 0, `latency: ${latency}`);
    t.diagnostic(`${play.player} is ${latency.toFixed(2)} s behind what is encoded at ${play.path}`);
  });

test('segments of DASH were sent while they were written, those of HLS were not', async () => {
  const segments = (await readFile(log, 'utf8'))
    .split('\n')
    .filter((line) => /"GET","target":"[^"]+\d\.(ts|m4s)","status":200,/.test(line));
  // What grows has no seal.
  const growing = segments.filter((line) => !line.includes('"seal"'));
  assert.ok(growing.length > 0, segments.join('\n'));
  assert.ok(segments.length > growing.length);
  assert.ok(growing.every((line) => line.includes('"target":"/dash/')));
});

test('what the players say of their playback is in the access log and the metrics', async () => {
  const said = (await readFile(log, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('"cmcd":{'))
    .map((line) => JSON.parse(line));
  for (const { path } of plays) {
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const segments = said.filter(({ target, cmcd }) => target.startsWith(folder) && 'd' in cmcd);
    const sessions = new Set(segments.map(({ cmcd }) => cmcd.sid));
    assert.equal(sessions.size, plays.filter((each) => each.path === path).length, folder);
    assert.ok(segments.every(({ target }) => !target.includes('CMCD')));
    assert.ok((await server.metric(`sealgate_cmcd_buffer_seconds_count{site="*${folder}"}`)) > 0);
  }
  assert.equal(await server.metric('sealgate_cmcd_malformed_requests_total'), 0);
});

test('players of HLS ask for the next segment before it is listed, and get it', async () => {
  const asked = (await readFile(log, 'utf8'))
    .split('\n')
    .filter((line) => /"GET","target":"[^"]+[?]_HLS_msn=/.test(line));
  for (const path of [ts, fmp4])
    assert.ok(
      asked.some((line) => line.includes(`"target":"${path}?`)),
      path,
    );
  assert.deepEqual(
    asked.filter((line) => !line.includes('"status":200,')),
    [],
  );
  assert.ok((await server.metric('sealgate_waits_total')) > 0);
  assert.equal(await server.metric('sealgate_waits_in_vain_total'), 0);
});

/** As a text, so that it is no code here. */
const fetched = (url: string) => `fetch('${url}').then(async ({ status, headers }) => {
  return { status, caching: headers.get('cache-control') };
})`;

test('a segment that a page asks for before it exists is 404, and 200 once it is there', async () => {
  const page = await plays[0]?.page;
  const listed = (await server.curl(ts)).body.toString();
  const last = Number(/out(\d+)\.ts\s*$/.exec(listed)?.[1]);
  const url = `${server.url}/ts/out${last + 3}.ts`;
  const ask = () => page?.evaluate<{ status: number; caching: string }>(fetched(url));
  const before = await ask();
  assert.equal(before?.status, 404);
  assert.match(before?.caching ?? '', /^(public, )?max-age=1$|^no-store$/);
  await until(ask, (answer) => answer?.status === 200, url);
});

test('encoders are killed and started anew: each player goes on', async (t) => {
  const before = await Promise.all(plays.map(async ({ page }) => playback(await page)));
  await kill(encoders);
  encoders = encodeAll();
  for (const site of ['*/ts/', '*/fmp4/', '*/dash/'])
    await until(
      () => server.metric(`sealgate_point_sessions_total{site="${site}"}`),
      (count) => count > 0,
      site,
    );
  for (const [at, play] of plays.entries()) {
    // With an MPD that says nothing of updates it waits until the new stream is as long as the one before.
    if (play.player === 'shaka-player' && play.path === dash) continue;
    // More than what it had buffered.
    const { latency, faults } = await played((before[at]?.played ?? 0) + 5, play);
    assert.deepEqual(faults, []);
    t.diagnostic(`${play.player} is then ${latency?.toFixed(2)} s behind at ${play.path}`);
  }
});
