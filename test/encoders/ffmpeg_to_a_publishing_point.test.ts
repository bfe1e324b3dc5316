// ffmpeg pushes HLS and DASH over TLS to publishing points, and begins again under the names of before.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { pushWhole } from '../support/ffmpeg.ts';
import { outcome } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const of = { protocol: 'live', bucket: 'live' };
const site = await createSite({
  buckets: { live: 'versioned' },
  sites: [
    { ...of, path: '/once/', prefix: 'once/', readWhileWriting: ['/once/**'] },
    { ...of, path: '/again/', prefix: 'again/', rewrite: 'replace' },
  ],
});
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const header = `Authorization: Bearer ${site.token}\r\n`;
const options = `headers=Authorization\\: Bearer ${site.token}\r\n`;
const hls = ['-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-http_persistent', '1'];
const fragmented = [...hls, '-hls_segment_type', 'fmp4', '-headers', header];
const dash = ['-f', 'dash', '-seg_duration', '1', '-http_persistent', '1', '-http_opts', options];
const lowLatency = [...dash, '-streaming', '1', '-ldash', '1', '-frag_duration', '0.2'];

interface Push {
  codec: string;
  muxer: string[];
  /** What the picture shows: other bytes. */
  source?: string;
  seconds?: number;
  url?: string;
}

function argumentsOf(path: string, how: Push): string[] {
  const { codec, muxer, source = 'testsrc', seconds = 4, url = server.url } = how;
  const input = ['-f', 'lavfi', '-i', `${source}=size=320x180:rate=10:duration=${seconds}`];
  const encode = ['-c:v', codec, '-g', '10', '-b:v', '400k'];
  return ['-re', ...input, ...encode, ...muxer, '-method', 'PUT', `${url}${path}`];
}

function encoder(path: string, how: Push) {
  return spawn('ffmpeg', ['-nostdin', '-v', 'error', ...argumentsOf(path, how)]);
}

/** Pushes that were made again. */
let again = 0;

/** Pushes until the manifest says that it has ended. */
async function push(path: string, how: Push): Promise<void> {
  const mark = path.endsWith('.mpd') ? 'type="static"' : '#EXT-X-ENDLIST';
  again += await pushWhole(server, argumentsOf(path, how), path, mark);
}

const textOf = async (path: string) => (await server.curl(path)).body.toString();
const ended = (path: string, mark: string) =>
  until(
    () => textOf(path),
    (text) => text.includes(mark),
    path,
  );

async function assertAll(folder: string, names: string[], type: string): Promise<void> {
  for (const name of names) {
    const answer = () => server.curl(`${folder}${name}`, '-I');
    const { headers } = await until(answer, ({ status }) => status === 200, folder + name);
    assert.equal(headers.get('content-type'), type);
  }
}

const numbered = (before: string, after: string) => [0, 1, 2, 3].map((at) => `${before}${at}${after}`);

test('HLS with the token as a password in the URL: playlist and all segments', async () => {
  const url = server.url.replace('https://', `https://encoder:${site.token}@`);
  await push('/once/basic/out.m3u8', { codec: 'mpeg2video', muxer: hls, url });
  await assertAll('/once/basic/', numbered('out', '.ts'), 'video/mp2t');
});

test('HLS of fMP4: playlist, init segment and all segments', async () => {
  await push('/once/fmp4/out.m3u8', { codec: 'mpeg4', muxer: fragmented });
  await assertAll('/once/fmp4/', ['init.mp4'], 'video/mp4');
  await assertAll('/once/fmp4/', numbered('out', '.m4s'), 'video/iso.segment');
});

test('DASH of low latency: a segment is read while it arrives, and is whole in the end', async () => {
  const path = '/once/dash/';
  const pushed = push(`${path}out.mpd`, { codec: 'mpeg4', muxer: lowLatency });
  const segment = `${path}chunk-stream0-00002.m4s`;
  // What has no ETag has not been stored yet.
  const growing = await until(
    () => server.curl(segment),
    ({ status }) => status === 200,
    segment,
  );
  assert.equal(growing.headers.get('etag'), undefined);
  await pushed;
  const whole = await server.curl(segment);
  assert.match(whole.headers.get('etag') ?? '', /^"[0-9a-f]{64}"$/);
  assert.deepEqual(growing.body, whole.body);
  await assertAll(path, ['init-stream0.m4s', 'chunk-stream0-00001.m4s'], 'video/iso.segment');
});

test('an encoder that begins again after its end: its segments are the new ones', async () => {
  const path = '/once/restart/out.mpd';
  await push(path, { codec: 'mpeg4', muxer: dash });
  const segment = '/once/restart/chunk-stream0-00002.m4s';
  const first = (await server.curl(segment)).body;
  // The muxer ends with a failure when its connection does.
  await push(path, { codec: 'mpeg4', muxer: dash, source: 'smptebars' });
  await until(
    async () => (await server.curl(segment)).body.equals(first),
    (isSame) => !isSame,
    'another segment',
  );
  assert.match(server.log(), /another session of an encoder began/);
});

for (const [what, path, mark, muxer] of [
  ['HLS', '/once/killed/out.m3u8', 'out1.ts', [...hls, '-headers', header]],
  ['DASH', '/once/killed-dash/out.mpd', 'dynamic', dash],
] as const)
  test(`${what}: an encoder that was killed begins again: its channel is all its own`, async () => {
    const codec = what === 'HLS' ? 'mpeg2video' : 'mpeg4';
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const segment = folder + (what === 'HLS' ? 'out0.ts' : 'chunk-stream0-00001.m4s');
    const killed = encoder(path, { codec, muxer: [...muxer] });
    await ended(path, mark);
    await until(
      () => server.curl(segment, '-I'),
      ({ status }) => status === 200,
      segment,
    );
    killed.kill('SIGKILL');
    await outcome(killed);
    const first = (await server.curl(segment)).body;
    await push(path, { codec, muxer: [...muxer], source: 'smptebars' });
    const second = (await server.curl(segment)).body;
    assert.notDeepEqual(second, first);
    // All of one encoder: what the other one made of the same picture are the same bytes each time.
    const alone = `/again/alone${path.slice('/once'.length)}`;
    await push(alone, { codec, muxer: [...muxer], source: 'smptebars' });
    const names =
      what === 'HLS' ? numbered('out', '.ts') : [1, 2, 3, 4].map((at) => `chunk-stream0-0000${at}.m4s`);
    for (const name of names) {
      const want = await until(
        () => server.curl(alone.slice(0, alone.lastIndexOf('/') + 1) + name),
        ({ status }) => status === 200,
        name,
      );
      assert.deepEqual((await server.curl(folder + name)).body, want.body, name);
    }
  });

test('two encoders: the one ahead leads, and when it is killed all listed are of the other', async () => {
  const path = '/once/two/out.m3u8';
  const folder = '/once/two/';
  const muxer = [...hls, '-headers', header];
  const codec = 'mpeg2video';
  const listed = async (name: string) => (await server.curl(folder + name)).body;
  const first = encoder(path, { codec, muxer, seconds: 60 });
  await ended(path, 'out1.ts');
  const [one, two] = [await listed('out0.ts'), await listed('out1.ts')];
  const before = await server.metric('sealgate_point_refused_uploads_total{site="*/once/"}');
  const second = push(path, { codec, muxer, source: 'smptebars', seconds: 8 });
  await until(
    () => server.metric('sealgate_point_refused_uploads_total{site="*/once/"}'),
    (count) => count >= before + 3,
    'what the second one was refused',
  );
  // Its first segment and its first playlist are among it.
  assert.deepEqual([await listed('out0.ts'), await listed('out1.ts')], [one, two]);
  first.kill('SIGKILL');
  await outcome(first);
  await second;
  const names = Array.from({ length: 8 }, (_, at) => `out${at}.ts`);
  await push('/again/two/out.m3u8', { codec, muxer, source: 'smptebars', seconds: 8 });
  for (const name of names)
    assert.deepEqual(await listed(name), (await server.curl(`/again/two/${name}`)).body, name);
});

test('an encoder that was killed begins again where segments are replaced: its channel goes on', async () => {
  const path = '/again/killed/out.m3u8';
  const muxer = [...hls, '-headers', header];
  const killed = encoder(path, { codec: 'mpeg2video', muxer });
  await ended(path, 'out1.ts');
  killed.kill('SIGKILL');
  await outcome(killed);
  const first = (await server.curl('/again/killed/out0.ts')).body;
  await push(path, { codec: 'mpeg2video', muxer, source: 'smptebars' });
  await assertAll('/again/killed/', numbered('out', '.ts'), 'video/mp2t');
  assert.notDeepEqual((await server.curl('/again/killed/out0.ts')).body, first);
});

test('no upload was counted as lost', async () => {
  // The one that was killed may have had one under way.
  assert.ok((await server.metric('sealgate_uploads_lost_total')) <= 1 + again);
});
