// An encoder that is started anew uses its names anew. One session leads a channel; another one follows when
// that has ended, or has been silent for longer than its segments take.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, type Response, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const site = await createSite({
  buckets: { channels: 'versioned' },
  sites: [{ protocol: 'live', bucket: 'channels', path: '/ch/', prefix: 'ch/', name: 'ch' }],
});
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
let server = await TestServer.start(site, '--workers', '1', ...listen);
let wire = await Wire.open(server.urls[1] ?? '');
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

async function put(path: string, body: string): Promise<Response> {
  const bearer = `Authorization: Bearer ${site.token}`;
  wire.send(`${request('PUT', path, bearer, `Content-Length: ${body.length}`)}${body}`);
  return wire.response('PUT');
}

async function assertPut(path: string, body: string): Promise<void> {
  const { status, body: said } = await put(path, body);
  assert.ok(status === 200 || status === 201, `${path}: ${status} ${said}`);
}

async function assertRefused(path: string, body: string, problem: string): Promise<void> {
  const answer = await put(path, body);
  assert.equal(answer.status, 409, path);
  assert.equal(JSON.parse(answer.body.toString()).type, `urn:sealgate:problem:${problem}`);
}

/** Until the session before has been silent for long enough. */
const putWhenSilent = (path: string, body: string) =>
  until(
    () => put(path, body),
    ({ status }) => status === 200,
    `${path} is taken`,
  );

const textOf = async (path: string) => (await wire.get(path)).body.toString();
const begun = () => server.metric('sealgate_point_sessions_total{site="ch"}');

function playlist(first: number, names: string[], { ended = false, map = '' } = {}): string {
  const head = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', `#EXT-X-MEDIA-SEQUENCE:${first}`];
  const init = map === '' ? [] : [`#EXT-X-MAP:URI="${map}"`];
  const segments = names.flatMap((name) => ['#EXTINF:1.0,', name]);
  return [...head, ...init, ...segments, ...(ended ? ['#EXT-X-ENDLIST'] : []), ''].join('\n');
}

const presentation = (start: string) =>
  `<MPD type="dynamic" availabilityStartTime="${start}" maxSegmentDuration="PT1.0S"></MPD>`;

/** A channel with out0 to out2, whose bytes are `first`. */
async function channel(folder: string): Promise<void> {
  for (const name of ['out0.ts', 'out1.ts', 'out2.ts']) await assertPut(folder + name, 'first');
  await assertPut(`${folder}out.m3u8`, playlist(0, ['out0.ts', 'out1.ts', 'out2.ts']));
}

test('an encoder begins anew at out0.ts: its segments come with its playlist', async () => {
  const before = await begun();
  await channel('/ch/anew/');
  await assertRefused('/ch/anew/out0.ts', 'second', 'segment-taken');
  await assertRefused('/ch/anew/out.m3u8', playlist(0, ['out0.ts']), 'playlist-behind');
  assert.equal(await textOf('/ch/anew/out0.ts'), 'first');
  await putWhenSilent('/ch/anew/out.m3u8', playlist(0, ['out0.ts']));
  assert.equal(await textOf('/ch/anew/out0.ts'), 'second');
  assert.equal(await textOf('/ch/anew/out1.ts'), 'first');
  await assertPut('/ch/anew/out1.ts', 'second');
  await assertPut('/ch/anew/out.m3u8', playlist(0, ['out0.ts', 'out1.ts']));
  for (const name of ['out0.ts', 'out1.ts'])
    await assertRefused(`/ch/anew/${name}`, 'third', 'segment-taken');
  assert.equal(await begun(), before + 1);
  assert.match(server.log(), /another session of an encoder began/);
});

test('a segment with other bytes after a silence is taken at once, and its playlist', async () => {
  const before = await begun();
  await channel('/ch/silent/');
  await putWhenSilent('/ch/silent/out0.ts', 'second');
  await assertPut('/ch/silent/out.m3u8', playlist(0, ['out0.ts']));
  await assertRefused('/ch/silent/out0.ts', 'third', 'segment-taken');
  assert.equal(await begun(), before + 1);
});

test('after EXT-X-ENDLIST another session begins at once', async () => {
  await assertPut('/ch/ended/out0.ts', 'first');
  await assertPut('/ch/ended/out.m3u8', playlist(0, ['out0.ts'], { ended: true }));
  await assertPut('/ch/ended/out0.ts', 'second');
  await assertPut('/ch/ended/out.m3u8', playlist(0, ['out0.ts']));
  assert.equal(await textOf('/ch/ended/out0.ts'), 'second');
});

test('a playlist that was deleted ends its session', async () => {
  await channel('/ch/deleted/');
  wire.send(request('DELETE', '/ch/deleted/out.m3u8', `Authorization: Bearer ${site.token}`));
  assert.equal((await wire.response('DELETE')).status, 200);
  await assertPut('/ch/deleted/out0.ts', 'second');
});

test('another init segment: refused while its session lives, and then of the one that follows', async () => {
  const of = '/ch/init/';
  const before = await begun();
  await assertPut(`${of}init.mp4`, 'first');
  await assertPut(`${of}out0.m4s`, 'first');
  await assertPut(`${of}out.m3u8`, playlist(0, ['out0.m4s'], { map: 'init.mp4' }));
  await assertPut(`${of}init.mp4`, 'first');
  await assertRefused(`${of}init.mp4`, 'second', 'segment-taken');
  await putWhenSilent(`${of}init.mp4`, 'second');
  assert.equal(await begun(), before + 1);
  await assertPut(`${of}out0.m4s`, 'second');
  await assertPut(`${of}out.m3u8`, playlist(0, ['out0.m4s'], { map: 'init.mp4' }));
  assert.equal(await textOf(`${of}init.mp4`), 'second');
});

test('playlists that go on: at the end, with the first ones gone, and with the same ones', async () => {
  await channel('/ch/on/');
  for (const [first, ...names] of [
    [0, 'out0.ts', 'out1.ts', 'out2.ts'],
    [1, 'out1.ts', 'out2.ts', 'out3.ts'],
    [4, 'out4.ts'],
  ] as [number, ...string[]][])
    await assertPut('/ch/on/out.m3u8', playlist(first, names));
});

test('a playlist with as many segments under other names is that of another encoder', async () => {
  await channel('/ch/other/');
  const names = ['b0.ts', 'b1.ts', 'b2.ts', 'b3.ts'];
  await assertRefused('/ch/other/out.m3u8', playlist(0, names), 'playlist-behind');
});

test('an MPD with another start waits for the silence of the one before', async () => {
  const of = '/ch/dash/';
  await assertPut(`${of}out.mpd`, presentation('2026-01-01T00:00:00Z'));
  await assertPut(`${of}video/init.mp4`, 'first');
  await assertPut(`${of}video/1.m4s`, 'first');
  await assertPut(`${of}out.mpd`, presentation('2026-01-01T00:00:00Z'));
  await assertRefused(`${of}video/1.m4s`, 'second', 'segment-taken');
  await assertRefused(`${of}video/init.mp4`, 'second', 'segment-taken');
  await assertRefused(`${of}out.mpd`, presentation('2026-01-01T00:10:00Z'), 'playlist-behind');
  await putWhenSilent(`${of}out.mpd`, presentation('2026-01-01T00:10:00Z'));
  assert.equal(await textOf(`${of}video/1.m4s`), 'second');
  assert.equal(await textOf(`${of}video/init.mp4`), 'second');
});

test('what is recorded of a session is not told to players', async () => {
  await channel('/ch/told/');
  const { headers } = await wire.get('/ch/told/out.m3u8');
  assert.deepEqual(
    [...headers.keys()].filter((name) => name.startsWith('sealgate')),
    [],
  );
});

test('a session goes on when the server is started anew', async () => {
  await channel('/ch/kept/');
  await putWhenSilent('/ch/kept/out0.ts', 'second');
  await assertPut('/ch/kept/out.m3u8', playlist(0, ['out0.ts']));
  wire.close();
  await server.stop();
  server = await TestServer.start(site, '--workers', '1', ...listen);
  wire = await Wire.open(server.urls[1] ?? '');
  // Which session it belongs to is known by its playlist.
  await assertRefused('/ch/kept/out1.ts', 'second', 'segment-taken');
  await assertPut('/ch/kept/out.m3u8', playlist(0, ['out0.ts', 'out1.ts']));
  assert.equal(await textOf('/ch/kept/out1.ts'), 'second');
  await assertPut('/ch/kept/out2.ts', 'second');
  await assertRefused('/ch/kept/out0.ts', 'third', 'segment-taken');
});

test('two encoders begin anew with one name after a silence: the first to come is right', async () => {
  const before = await begun();
  await channel('/ch/race/');
  await putWhenSilent('/ch/race/out0.ts', 'second');
  await assertRefused('/ch/race/out0.ts', 'third', 'segment-taken');
  await assertRefused('/ch/race/out0.ts', 'fourth', 'segment-taken');
  assert.equal(await textOf('/ch/race/out0.ts'), 'second');
  assert.equal(await begun(), before + 1);
  await assertPut('/ch/race/out.m3u8', playlist(0, ['out0.ts']));
  assert.equal(await textOf('/ch/race/out0.ts'), 'second');
});

test('a static MPD with another availabilityStartTime does not end the session that leads', async () => {
  const start = '2026-01-01T00:00:00Z';
  await assertPut('/ch/static/a.mpd', presentation(start));
  const ofAnother = presentation('2026-01-02T00:00:00Z').replace('dynamic', 'static');
  await assertRefused('/ch/static/a.mpd', ofAnother, 'playlist-behind');
  assert.equal(await textOf('/ch/static/a.mpd'), presentation(start));
  await assertPut('/ch/static/a.mpd', presentation(start).replace('dynamic', 'static'));
});

test('a segment that was refused before the first playlist of a channel is not stored later', async () => {
  const before = await begun();
  await assertPut('/ch/first/out0.ts', 'first');
  await assertRefused('/ch/first/out0.ts', 'second', 'segment-taken');
  await assertPut('/ch/first/out.m3u8', playlist(0, ['out0.ts']));
  assert.equal(await textOf('/ch/first/out0.ts'), 'first');
  await assertRefused('/ch/first/out0.ts', 'second', 'segment-taken');
  assert.equal(await begun(), before);
});
