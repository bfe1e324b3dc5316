// Video on demand: trees that ffmpeg has made are imported as they are, and read back over TLS from a video
// site to their last frame: HLS of MPEG-TS, of fMP4 and of one file with byte ranges, encrypted HLS, and
// DASH.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';

const seconds = 4;
const rate = 25;
const site = await createSite({
  buckets: { films: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [{ host: '*', bucket: 'films', preset: 'video' }],
});
const tree = join(site.dir, 'tree');
const picture = ['-f', 'lavfi', '-i', `testsrc=size=320x180:rate=${rate}:duration=${seconds}`];
const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
const coding = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  '-g',
  `${rate}`,
  '-c:a',
  'aac',
];
const hls = ['-f', 'hls', '-hls_time', '1', '-hls_playlist_type', 'vod'];
const fmp4 = ['-hls_segment_type', 'fmp4'];

await mkdir(join(tree, 'aes'), { recursive: true });
await writeFile(join(tree, 'aes/film.key'), randomBytes(16));
await writeFile(join(site.dir, 'key-info'), `film.key\n${join(tree, 'aes/film.key')}\n`);
const trees: Record<string, string[]> = {
  'ts/out.m3u8': hls,
  'fmp4/out.m3u8': [...hls, ...fmp4],
  'ranges/out.m3u8': [...hls, ...fmp4, '-hls_flags', 'single_file'],
  'aes/out.m3u8': [...hls, '-hls_key_info_file', join(site.dir, 'key-info')],
  'dash/out.mpd': ['-f', 'dash', '-seg_duration', '1'],
};
for (const [name, muxer] of Object.entries(trees)) {
  await mkdir(join(tree, name, '..'), { recursive: true });
  execFileSync('ffmpeg', ['-loglevel', 'error', ...picture, ...sound, ...coding, ...muxer, join(tree, name)]);
}
await runCli('import', tree, '--bucket', 'films', '--config', site.config);
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

/** Not at once as execFileSync does: a server in this process could not answer meanwhile. */
async function frames(name: string): Promise<number> {
  const url = `${server.url.replace('127.0.0.1', 'localhost')}/${name}`;
  const trust = ['-tls_verify', '1', '-ca_file', site.certificate];
  const keys = ['-allowed_extensions', 'ALL']; // of playlists: a key's is no extension of media
  const count = ['-count_packets', '-select_streams', 'v:0', '-show_entries', 'stream=nb_read_packets'];
  const args = ['-loglevel', 'error', ...trust, ...(name.endsWith('.m3u8') ? keys : [])];
  const child = spawn('ffprobe', [...args, ...count, '-of', 'csv=p=0', url]);
  const { status, stdout, stderr } = await outcome(child);
  assert.equal(status, 0, stderr);
  return Number.parseInt(stdout, 10);
}

for (const name of Object.keys(trees)) {
  test(`ffprobe reads all frames of ${name} over TLS`, async () => {
    assert.equal(await frames(name), seconds * rate);
  });
}

test('each byte range of a playlist is that piece of its file, over HTTP/1.1 and 2', async () => {
  const playlist = await readFile(join(tree, 'ranges/out.m3u8'), 'utf8');
  const whole = await readFile(join(tree, 'ranges/out.m4s'));
  const ranges = [...playlist.matchAll(/BYTERANGE[:=]"?(\d+)@(\d+)/g)].map(([, length, from]) => [
    Number(from),
    Number(from) + Number(length) - 1,
  ]);
  assert.ok(ranges.length > seconds, 'segments and what begins them');
  for (const version of ['--http1.1', '--http2'])
    for (const [from = 0, to = 0] of ranges) {
      const { status, headers, body } = await server.curl('/ranges/out.m4s', version, '-r', `${from}-${to}`);
      assert.equal(status, 206);
      assert.equal(headers.get('content-range'), `bytes ${from}-${to}/${whole.length}`);
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.deepEqual(body, whole.subarray(from, to + 1));
    }
});
