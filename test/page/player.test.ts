// A player in a real browser over TLS: hls.js plays what ffmpeg has cut into segments, all of it by HTTP/2,
// and does not notice that another process takes over from the server meanwhile.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chromium } from 'playwright-core';
import { root, runCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const seconds = 12;
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [{ host: '*', bucket: 'web' }],
});
const tree = join(site.dir, 'tree');
await mkdir(join(tree, 'stream'), { recursive: true });
await copyFile(`${root}node_modules/hls.js/dist/hls.min.js`, join(tree, 'hls.min.js'));
// The player keeps little ahead, so that it asks for segments until near the end.
await writeFile(
  join(tree, 'index.html'),
  `<!DOCTYPE html><title>player</title><link rel="icon" href="data:,">
  <video muted></video><script src="hls.min.js"></script>
  <script>
    window.faults = [];
    const video = document.querySelector('video');
    const player = new Hls({ maxBufferLength: 2, maxMaxBufferLength: 2, enableWorker: false });
    // Not a stall of two seconds' buffer, which is that of a machine with much to do.
    player.on(Hls.Events.ERROR, (_, { type, details, fatal }) => {
      if (fatal || type === Hls.ErrorTypes.NETWORK_ERROR) faults.push(details + (fatal ? ', fatal' : ''));
    });
    player.on(Hls.Events.MANIFEST_PARSED, () => video.play());
    player.loadSource('stream/out.m3u8');
    player.attachMedia(video);
  </script>`,
);
const picture = ['-f', 'lavfi', '-i', `testsrc=size=320x180:rate=25:duration=${seconds}`];
const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25'];
const cut = ['-f', 'hls', '-hls_time', '1', '-hls_playlist_type', 'vod'];
execFileSync('ffmpeg', ['-loglevel', 'error', ...picture, ...coding, ...cut, join(tree, 'stream/out.m3u8')]);
await runCli('import', tree, '--bucket', 'web', '--config', site.config);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
});
after(async () => {
  await browser.close();
  await site.remove();
});

interface Shown {
  at: number;
  ended: boolean;
  faults: string[];
  /** Of the page and of all that it has fetched, by protocol. */
  protocols: Record<string, number>;
}

/** As a text, so that it is no code here. */
const told = `(() => {
  const protocols = {};
  for (const kind of ['navigation', 'resource'])
    for (const { nextHopProtocol } of performance.getEntriesByType(kind))
      protocols[nextHopProtocol] = (protocols[nextHopProtocol] ?? 0) + 1;
  const { currentTime: at, ended } = document.querySelector('video');
  return { at, ended, faults, protocols };
})()`;

test('a stream is played to its end by h2 alone, without a fault while the server is replaced', async () => {
  const listen = ['--workers', '1', '--listen', `https://127.0.0.1:${await freePort()}`];
  const server = await TestServer.start(site, ...listen);
  let serving = server;
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    page.setDefaultTimeout(120_000); // milliseconds; some machines are slow
    await page.goto(server.url.replace('127.0.0.1', 'localhost'));
    const shown = () => page.evaluate<Shown>(told);
    await until(shown, ({ at }) => at > 1, 'the player begins');
    await page.evaluate(`document.querySelector('video').pause()`);
    serving = await TestServer.start(site, ...listen, '--replace');
    await page.evaluate(`document.querySelector('video').play()`);
    const { faults, protocols } = await until(
      shown,
      ({ ended }) => ended,
      'the player comes to the end',
      120_000,
    );
    assert.deepEqual(faults, []);
    // The page, the player, the playlist and the segments.
    assert.deepEqual(protocols, { h2: 3 + seconds });
    assert.ok(
      (await serving.metric('sealgate_http2_connections_total')) > 0,
      'the new process has served it',
    );
    await context.close();
    assert.equal(await server.ended(), 0);
  } finally {
    await serving.stop();
    await server.stop();
  }
});
