// ffmpeg's HLS and DASH muxers upload each file with PUT over TLS. Without persistent connections they close
// right after the body without reading; every file must still arrive.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pushWhole } from '../support/ffmpeg.ts';
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

/** Pushes that were made again. */
let again = 0;

/** Pushes segments of one second to `name`, in real time; its text when it contains `mark`. */
async function push(name: string, mark: string, codec: string, ...muxer: string[]): Promise<string> {
  const encode = ['-c:v', codec, '-g', '10', '-b:v', '800k'];
  const path = `/o/live/${name}`;
  const args = ['-re', ...source, ...encode, ...muxer, '-method', 'PUT', server.url + path];
  again += await pushWhole(server, args, path, mark);
  return (await server.curl(path)).body.toString();
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
    const how = [...muxer, '-http_persistent', persistent];
    const playlist = await push(`${folder}/out.m3u8`, '#EXT-X-ENDLIST', 'mpeg2video', ...how);
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
    const how = [...muxer, '-http_persistent', persistent];
    await push(`${folder}/out.mpd`, 'type="static"', 'mpeg4', ...how);
    const names = segments.map((at) => `chunk-stream0-${String(at + 1).padStart(5, '0')}.m4s`);
    await assertThere(folder, ['init-stream0.m4s', ...names]);
  });
}

test('no upload was counted as lost', async () => {
  assert.ok((await server.metric('sealgate_uploads_lost_total')) <= again);
});
