// Players on a page, and encoders that push what they play.

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { root, runCli } from '../support/runtime.ts';
import type { Site } from '../support/server.ts';

const scripts = {
  'hls.js': 'hls.js/dist/hls.min.js',
  'dash.js': 'dashjs/dist/modern/umd/dash.all.min.js',
  'shaka-player': 'shaka-player/dist/shaka-player.compiled.js',
} as const;

export type Player = keyof typeof scripts;

/** Latency is how long before now what is shown was encoded, in seconds, by the times in the stream. */
const begins: Record<Player, string> = {
  // Fields of CMCD go by a preflight, those of the query without one.
  'hls.js': `
    const hls = new Hls({ enableWorker: false, liveSyncDurationCount: 2, cmcd: { useHeaders: true } });
    hls.on(Hls.Events.ERROR, (_, { type, details, fatal }) => {
      if (fatal) faults.push(details);
      else if (type === Hls.ErrorTypes.NETWORK_ERROR) misses.push(details);
    });
    hls.loadSource(url);
    hls.attachMedia(video);
    latency = () => hls.playingDate && (Date.now() - hls.playingDate) / 1000;`,
  'dash.js': `
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ streaming: {
      delay: { liveDelay: 1.5 },
      liveCatchup: { enabled: true },
      cmcd: { enabled: true, mode: 'query' },
      utcSynchronization: { enabled: false },
    } });
    // It ends when segments stay away, and its page loads the stream again.
    dash.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => {
      misses.push(error.message);
      setTimeout(() => dash.attachSource(url), 1000);
    });
    dash.initialize(video, url, true);
    latency = () => dash.getCurrentLiveLatency();`,
  'shaka-player': `
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.configure({
      cmcd: { enabled: true, useHeaders: false },
      // Of HLS, what is listed is a segment old, and it is asked for once in a segment.
      manifest: { defaultPresentationDelay: url.endsWith('.mpd') ? 1.5 : 4 },
      streaming: { lowLatencyMode: url.endsWith('.mpd') },
    });
    // It asks again for what a live stream does not have yet.
    player.addEventListener('error', ({ detail }) => misses.push('code ' + detail.code));
    player.attach(video).then(() => player.load(url)).catch(({ code, data }) =>
      faults.push('code ' + code + ' ' + data));
    latency = () => {
      const date = player.getPlayheadTimeAsDate();
      return date && (Date.now() - date) / 1000;
    };`,
};

const page = (player: Player) => `<!DOCTYPE html><title>${player}</title><link rel="icon" href="data:,">
  <video muted autoplay></video><script src="${player}.js"></script>
  <script>
    const [video, url] = [document.querySelector('video'), location.hash.slice(1)];
    const [faults, misses] = [[], []];
    let [latency, played, at] = [() => undefined, 0, 0];
    // A jump is not played.
    video.addEventListener('timeupdate', () => {
      const passed = video.currentTime - at;
      if (passed > 0 && passed < 1) played += passed;
      at = video.currentTime;
    });
    ${begins[player]}
    video.play().catch(() => {});
  </script>`;

/** Imports a page for each player into the bucket `web`: `/hls.js.html#URL` plays. */
export async function importPlayers(site: Site): Promise<void> {
  const tree = join(site.dir, 'pages');
  await mkdir(tree);
  for (const player of Object.keys(scripts) as Player[]) {
    await copyFile(`${root}node_modules/${scripts[player]}`, join(tree, `${player}.js`));
    await writeFile(join(tree, `${player}.html`), page(player));
  }
  await runCli('import', tree, '--bucket', 'web', '--config', site.config);
}

/** @param origin of the server, by its address. The page is of another one, by its name. */
export async function begin(
  context: BrowserContext,
  origin: string,
  player: Player,
  path: string,
): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000); // milliseconds; some machines are slow
  await page.goto(`${origin.replace('127.0.0.1', 'localhost')}/${player}.html#${origin}${path}`);
  return page;
}

export interface Playback {
  /** Seconds of the stream that were shown. */
  played: number;
  /** Undefined: the player does not know. */
  latency?: number;
  /** What ended the player. */
  faults: string[];
  /** What failed, and the player or its page tried again. */
  misses: string[];
}

/** As a text, so that it is no code here. */
const told = `({ played, latency: latency() ?? undefined, faults, misses })`;

export function playback(page: Page): Promise<Playback> {
  return page.evaluate<Playback>(told);
}

const muxers = {
  ts: ['-f', 'hls', '-hls_flags', 'program_date_time'],
  fmp4: ['-f', 'hls', '-hls_flags', 'program_date_time', '-hls_segment_type', 'fmp4'],
  dash: [
    '-f',
    'dash',
    '-streaming',
    '1',
    '-ldash',
    '1',
    '-use_timeline',
    '0',
    '-frag_duration',
    '0.2',
    '-target_latency',
    '1.5',
  ],
} as const;

export type Muxer = keyof typeof muxers;

/**
 * ffmpeg pushes a picture in real time, in segments of a second; DASH in chunks of a fifth. An MPD without a
 * timeline names segments before they are whole.
 */
export function encoder(url: string, muxer: Muxer, token: string, ...further: string[]): ChildProcess {
  const authorization = `Authorization: Bearer ${token}\r\n`;
  const segments =
    muxer === 'dash'
      ? ['-seg_duration', '1', '-http_opts', `headers=${authorization.replace(':', '\\:')}`]
      : ['-hls_time', '1', '-headers', authorization];
  const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'];
  const push = [
    '-g',
    '25',
    ...muxers[muxer],
    ...further,
    ...segments,
    '-http_persistent',
    '1',
    '-method',
    'PUT',
    url,
  ];
  return spawn('ffmpeg', ['-nostdin', '-v', 'error', '-re', ...picture, ...coding, ...push], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
