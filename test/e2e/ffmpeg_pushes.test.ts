// ffmpeg's HLS and DASH muxers upload each file with PUT over TLS. Without persistent connections they close
// right after the body without reading; every file must still arrive.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { outcome } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite({ buckets: { live: 'versioned' } });
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const seconds = 6;
const source = ['-f', 'lavfi', '-i', `testsrc=size=320x180:rate=10:duration=${seconds}`];
const segments = Array.from({ length: seconds }, (_, at) => at);

/**
 * Pushes segments of one second to `target`, in real time: at the end ffmpeg closes with answers unread, and
 * its own kernel then drops what the server has not taken yet.
 */
async function push(target: string, codec: string, ...muxer: string[]): Promise<void> {
  const encode = ['-c:v', codec, '-g', '10', '-b:v', '800k'];
  const url = `${server.url}/o/live/${target}`;
  const args = ['-nostdin', '-v', 'error', '-re', ...source, ...encode, ...muxer, '-method', 'PUT', url];
  const { status, stderr } = await outcome(spawn('ffmpeg', args));
  assert.equal(status, 0, stderr);
}

/** The text of `name` when it contains `mark`, because ffmpeg does not wait for the commit. */
function written(name: string, mark: string): Promise<string> {
  const read = async () => (await server.curl(`/o/live/${name}`)).body.toString();
  return until(read, (text) => text.includes(mark), `${mark} in ${name}`);
}

async function assertThere(folder: string, names: string[]): Promise<void> {
  for (const name of names) {
    const status = async () => (await server.curl(`/o/live/${folder}/${name}`, '-I')).status;
    await until(status, (code) => code === 200, `${folder}/${name}`);
  }
}

for (const persistent of ['0', '1']) {
  test(`HLS with -http_persistent ${persistent}: playlist and all segments`, async () => {
    const folder = `hls${persistent}`;
    const token = `Authorization: Bearer ${site.token}\r\n`;
    const muxer = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-headers', token];
    await push(`${folder}/out.m3u8`, 'mpeg2video', ...muxer, '-http_persistent', persistent);
    const playlist = await written(`${folder}/out.m3u8`, '#EXT-X-ENDLIST');
    const listed = [...playlist.matchAll(/^out\d+\.ts$/gm)].map(([name]) => name);
    assert.deepEqual(
      listed,
      segments.map((at) => `out${at}.ts`),
    );
    await assertThere(folder, listed);
  });

  test(`DASH with -http_persistent ${persistent}: manifest, header and all segments`, async () => {
    const folder = `dash${persistent}`;
    const token = `headers=Authorization\\: Bearer ${site.token}\r\n`;
    const muxer = ['-f', 'dash', '-seg_duration', '1', '-http_opts', token];
    await push(`${folder}/out.mpd`, 'mpeg4', ...muxer, '-http_persistent', persistent);
    await written(`${folder}/out.mpd`, 'type="static"');
    const names = segments.map((at) => `chunk-stream0-${String(at + 1).padStart(5, '0')}.m4s`);
    await assertThere(folder, ['init-stream0.m4s', ...names]);
  });
}

test('no upload was counted as lost', async () => {
  assert.equal(await server.metric('sealgate_uploads_lost_total'), 0);
});
