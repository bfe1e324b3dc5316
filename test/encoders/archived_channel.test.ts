// An hour of a channel that ffmpeg has pushed over TLS is there to be read: ffprobe comes to its end by the
// playlist, and finds each frame.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { outcome, text } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite({
  buckets: { live: 'versioned' },
  sites: [{ protocol: 'live', bucket: 'live', path: '/ch/', prefix: 'ch/', window: { seconds: 7200 } }],
});
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const seconds = 3600;
const segment = 60;

/** A frame a second, made much faster than that. */
const picture = ['-f', 'lavfi', '-i', `testsrc=size=64x64:rate=1:duration=${seconds}`];
const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(segment)];
const list = [
  '-f',
  'hls',
  '-hls_time',
  String(segment),
  '-hls_list_size',
  '0',
  '-hls_playlist_type',
  'event',
];

for (const [what, path, form] of [
  ['TS', '/ch/ts/out.m3u8', ['-hls_segment_type', 'mpegts']],
  ['fMP4', '/ch/fmp4/out.m3u8', ['-hls_segment_type', 'fmp4']],
] as const)
  test(`an archived hour of HLS in ${what}: ffprobe finds all of it`, async () => {
    // A connection for each file: on one for all, what is sent faster than it is stored is lost when ffmpeg
    // closes it, as it has not read the answers.
    const push = ['-headers', `Authorization: Bearer ${site.token}\r\n`, '-method', 'PUT'];
    const to = [...list, ...form, ...push, server.url + path];
    const pushed = await outcome(
      spawn('ffmpeg', ['-nostdin', '-v', 'error', '-readrate', '1200', ...picture, ...coding, ...to]),
    );
    assert.equal(pushed.status, 0, pushed.stderr);
    const ended = (answer: { body: Buffer }) => answer.body.includes('#EXT-X-ENDLIST');
    await until(() => server.curl(path), ended, path);
    const shown = ['-count_packets', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0'];
    const probe = spawn('ffprobe', ['-v', 'error', '-select_streams', 'v', ...shown, server.url + path]);
    const printed = text(probe.stdout);
    const { status, stderr } = await outcome(probe);
    assert.deepEqual([status, stderr, Number.parseInt(printed(), 10)], [0, '', seconds]);
  });
