// Players that ask for what comes next are held until it is there: segments and parts of a playlist, and
// files whose upload is under way or that a playlist hints at.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Tokens } from '../../../src/auth/tokens.ts';
import { createSite, type Response, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const of = { protocol: 'live', bucket: 'channels' };
const site = await createSite({
  buckets: { channels: 'versioned' },
  sites: [
    { ...of, path: '/ch/', prefix: 'ch/', readWhileWriting: ['/ch/**'] },
    { ...of, path: '/again/', prefix: 'again/', rewrite: 'replace' },
    { ...of, path: '/known/', prefix: 'known/', auth: 'token' },
    { ...of, path: '/plain/', prefix: 'plain/', blockingReload: false },
    { protocol: 'objects', path: '/all/' },
  ],
});
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
let server = await TestServer.start(site, '--workers', '2', ...listen);
after(async () => {
  await server.stop();
  await site.remove();
});

const bearer = `Authorization: Bearer ${site.token}`;
const opened: Wire[] = [];
after(() => {
  for (const wire of opened) wire.close();
});

async function open(): Promise<Wire> {
  const wire = await Wire.open(server.urls[1] ?? '');
  opened.push(wire);
  return wire;
}

async function put(path: string, body: string): Promise<Response> {
  const wire = await open();
  wire.send(`${request('PUT', path, bearer, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`);
  const answer = await wire.response('PUT');
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${answer.body}`);
  return answer;
}

const get = async (path: string, ...fields: string[]) => (await open()).get(path, ...fields);
const problemOf = ({ body }: Response) => JSON.parse(body.toString()).type;
const waiting = () => server.metric('sealgate_waiting_requests');
const untilWaiting = (count: number) => until(waiting, (now) => now === count, `${count} wait`);

interface Pushed {
  count: number;
  target?: number;
  parts?: number;
  hint?: string;
  ended?: boolean;
  more?: string[];
}

function playlist(first: number, { count, target = 1, parts, hint, ended, more = [] }: Pushed): string {
  const info =
    parts === undefined
      ? []
      : ['#EXT-X-PART-INF:PART-TARGET=0.2', '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.6'];
  const segments = Array.from({ length: count }, (_, at) => [`#EXTINF:${target}.0,`, `out${first + at}.ts`]);
  const open = Array.from({ length: parts ?? 0 }, (_, at) => `#EXT-X-PART:DURATION=0.2,URI="p${at}.mp4"`);
  const head = ['#EXTM3U', `#EXT-X-TARGETDURATION:${target}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
  const hints = hint === undefined ? [] : [`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${hint}"`];
  const end = ended ? ['#EXT-X-ENDLIST'] : [];
  return [...head, ...info, ...more, ...segments.flat(), ...open, ...hints, ...end, ''].join('\n');
}

/** A channel with two segments, that has gone ahead in time. */
async function channel(folder: string, target = 2): Promise<void> {
  for (const at of [0, 1]) await put(`${folder}out${at}.ts`, `segment ${at}`);
  await put(`${folder}out.m3u8`, playlist(0, { count: 1, target }));
  await put(`${folder}out.m3u8`, playlist(0, { count: 2, target }));
}

const tag = '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES';

test('a playlist that goes ahead in time says that players may wait, and nothing else is added', async () => {
  await put('/ch/tag/out.m3u8', playlist(0, { count: 1, target: 2 }));
  assert.equal((await get('/ch/tag/out.m3u8')).body.toString(), playlist(0, { count: 1, target: 2 }));
  const { headers } = await put('/ch/tag/out.m3u8', playlist(0, { count: 2, target: 2 }));
  const offered = await get('/ch/tag/out.m3u8');
  const pushed = playlist(0, { count: 2, target: 2 });
  assert.equal(offered.body.toString(), pushed.replace('#EXTM3U\n', `#EXTM3U\n${tag}\n`));
  assert.equal(offered.headers.get('etag'), headers.get('etag'));
  assert.equal(offered.headers.get('sealgate-meta-live-playlist'), undefined);
});

test('a playlist that comes late says it no more', async () => {
  await channel('/ch/late/', 1);
  assert.ok((await get('/ch/late/out.m3u8')).body.includes(tag));
  await setTimeout(1600);
  await put('/ch/late/out.m3u8', playlist(0, { count: 3 }));
  assert.ok(!(await get('/ch/late/out.m3u8')).body.includes(tag));
});

test('60 players ask for segment 2 of a playlist with 0 and 1: all get the next playlist', async () => {
  await channel('/ch/next/');
  const before = await server.metric('sealgate_waits_total');
  const players = Array.from({ length: 60 }, () => get('/ch/next/out.m3u8?_HLS_msn=2'));
  await untilWaiting(60);
  await put('/ch/next/out.m3u8', playlist(0, { count: 3, target: 2 }));
  for (const { status, body } of await Promise.all(players)) {
    assert.equal(status, 200);
    assert.ok(body.includes('out2.ts'));
  }
  assert.equal(await waiting(), 0);
  assert.equal(await server.metric('sealgate_waits_total'), before + 60);
  assert.ok((await get('/ch/next/out.m3u8?_HLS_msn=1')).body.includes('out2.ts'));
});

test('a point whose segments may be replaced is waited for as well', async () => {
  await channel('/again/');
  const player = get('/again/out.m3u8?_HLS_msn=2');
  await untilWaiting(1);
  await put('/again/out.m3u8', playlist(1, { count: 2, target: 2 }));
  assert.ok((await player).body.includes('out2.ts'));
});

test('the token of the first who waits is revoked: 401, and the playlist for all others', async () => {
  const tokens = new Tokens(join(site.dir, 'tokens.json'));
  const { token, id } = await tokens.add({ scopes: ['read:channels'] });
  const its = `Authorization: Bearer ${token}`;
  const untilIts = (status: number) =>
    until(
      async () => (await get('/known/none', its)).status,
      (now) => now === status,
      `its requests are ${status}`,
    );
  await untilIts(404);
  await channel('/known/', 6);
  const first = get('/known/out.m3u8?_HLS_msn=2', its);
  await untilWaiting(1);
  // So many that some are with the first one in the same worker.
  const others = Array.from({ length: 20 }, () => get('/known/out.m3u8?_HLS_msn=2', bearer));
  await untilWaiting(21);
  await tokens.revoke(id);
  await untilIts(401);
  await put('/known/out.m3u8', playlist(0, { count: 3, target: 6 }));
  assert.equal((await first).status, 401);
  for (const { status, body } of await Promise.all(others)) {
    assert.equal(status, 200);
    assert.ok(body.includes('out2.ts'));
  }
});

test('an encoder begins anew with low numbers: who waits for a high one gets that playlist', async () => {
  await put('/again/low.m3u8', playlist(50, { count: 2, target: 4 }));
  await put('/again/low.m3u8', playlist(51, { count: 2, target: 4 }));
  const player = get('/again/low.m3u8?_HLS_msn=53');
  await untilWaiting(1);
  const pushed = playlist(0, { count: 2, target: 4 });
  await put('/again/low.m3u8', pushed);
  const { status, body } = await player;
  assert.deepEqual([status, body.toString()], [200, pushed]);
});

test('a playlist that was refused does not make a late one punctual', async () => {
  await put('/ch/led/out.m3u8', playlist(50, { count: 2 }));
  await put('/ch/led/out.m3u8', playlist(51, { count: 2 }));
  await setTimeout(1000);
  const low = playlist(0, { count: 2 });
  const fields = [bearer, `Content-Length: ${low.length}`];
  const other = await open();
  other.send(`${request('PUT', '/ch/led/out.m3u8', ...fields)}${low}`);
  assert.equal((await other.response('PUT')).status, 409);
  await setTimeout(600);
  await put('/ch/led/out.m3u8', playlist(52, { count: 2 }));
  assert.ok(!(await get('/ch/led/out.m3u8')).body.includes(tag));
});

test('a part is waited for: the playlist without it comes to nobody', async () => {
  await put('/ch/parts/out.m3u8', playlist(0, { count: 2, parts: 1 }));
  const next = get('/ch/parts/out.m3u8?_HLS_msn=2&_HLS_part=2');
  await untilWaiting(1);
  await put('/ch/parts/out.m3u8', playlist(0, { count: 2, parts: 2 }));
  await untilWaiting(1);
  await put('/ch/parts/out.m3u8', playlist(0, { count: 2, parts: 3 }));
  assert.ok((await next).body.includes('p2.mp4'));
});

test('what no player may wait for is refused with 400 at once', async () => {
  await put('/ch/far/out.m3u8', playlist(0, { count: 2, parts: 1 }));
  for (const query of ['_HLS_msn=4', '_HLS_msn=2&_HLS_part=1000000000', '_HLS_part=1', '_HLS_msn=soon']) {
    const refused = await get(`/ch/far/out.m3u8?${query}`);
    assert.equal(refused.status, 400, query);
    assert.equal(problemOf(refused), 'urn:sealgate:problem:query-invalid');
  }
});

test('a player that has waited for 0.8 of its patience gets 503, not to be cached', async () => {
  await put('/ch/dead/out.m3u8', playlist(0, { count: 2, parts: 1 }));
  const wire = await open();
  const late = await wire.get('/ch/dead/out.m3u8?_HLS_msn=2&_HLS_part=1');
  assert.equal(late.status, 503);
  assert.equal(problemOf(late), 'urn:sealgate:problem:not-in-time');
  assert.equal(late.headers.get('cache-control'), 'no-store');
  assert.equal(late.headers.get('retry-after'), '1');
  assert.equal((await wire.get('/ch/dead/out.m3u8')).status, 200);
});

test('the end of the stream, and that of the playlist, are answers', async () => {
  for (const ending of ['ended', 'deleted']) {
    const path = `/ch/${ending}/out.m3u8`;
    await channel(`/ch/${ending}/`);
    const player = get(`${path}?_HLS_msn=2`);
    await untilWaiting(1);
    if (ending === 'ended') await put(path, playlist(0, { count: 2, target: 2, ended: true }));
    else {
      const wire = await open();
      wire.send(request('DELETE', path, bearer));
      assert.equal((await wire.response('DELETE')).status, 200);
    }
    const { status, body } = await player;
    assert.equal(status, ending === 'ended' ? 200 : 410);
    if (ending !== 'ended') continue;
    assert.ok(body.includes('#EXT-X-ENDLIST') && !body.includes(tag));
    assert.equal((await get(`${path}?_HLS_msn=900`)).status, 200);
  }
});

test('a change that is made at another site is seen within a second', async () => {
  await channel('/ch/other/');
  const player = get('/ch/other/out.m3u8?_HLS_msn=2');
  await untilWaiting(1);
  await put('/all/o/channels/ch/other/out.m3u8', 'not by the packager');
  assert.equal((await player).body.toString(), 'not by the packager');
});

test('a segment whose upload is under way is held until it is whole; one that never is, is 404', async () => {
  for (const [name, ends] of [
    ['whole.ts', true],
    ['cut.ts', false],
  ] as const) {
    const packager = await open();
    packager.send(`${request('PUT', `/ch/held/${name}`, bearer, 'Content-Length: 6')}abc`);
    const player = until(
      () => Promise.race([get(`/ch/held/${name}`), untilWaiting(1)]),
      (answer) => typeof answer === 'number',
      'held',
    );
    await player;
    const second = get(`/ch/held/${name}`);
    await until(waiting, (now) => now >= 2, 'two are held');
    if (ends) packager.send('def');
    else packager.close();
    const { status, body } = await second;
    assert.equal(status, ends ? 200 : 404);
    if (ends) assert.equal(body.toString(), 'abcdef');
    await untilWaiting(0);
  }
});

test('a hinted part is held before its upload begins; when the hint is withdrawn, it is 404', async () => {
  await put('/ch/hint/out.m3u8', playlist(0, { count: 2, parts: 1, hint: 'p1.mp4' }));
  const player = get('/ch/hint/p1.mp4');
  await untilWaiting(1);
  await put('/ch/hint/p1.mp4', 'the part');
  assert.equal((await player).body.toString(), 'the part');
  await put('/ch/hint/out.m3u8', playlist(0, { count: 2, parts: 2, hint: 'p2.mp4' }));
  const disappointed = get('/ch/hint/p2.mp4');
  await untilWaiting(1);
  await put('/ch/hint/out.m3u8', playlist(0, { count: 3, parts: 0, hint: 'q0.mp4' }));
  assert.equal((await disappointed).status, 404);
  assert.equal((await get('/ch/hint/nowhere.mp4')).status, 404);
  const elsewhere = get('/ch/hint/q0.mp4');
  await untilWaiting(1);
  await put('/all/o/channels/ch/hint/q0.mp4', 'stored at another site');
  assert.equal((await elsewhere).body.toString(), 'stored at another site');
});

test('a file that HLS lists is held while it grows; one that nobody lists is read meanwhile', async () => {
  const listed = playlist(0, { count: 1, target: 2 }).replace('out0.ts', 'out0.m4s');
  await put('/ch/both/out.m3u8', listed);
  const [hls, dash] = [await open(), await open()];
  for (const [wire, name] of [
    [hls, 'out0.m4s'],
    [dash, 'out1.m4s'],
  ] as const)
    wire.send(`${request('PUT', `/ch/both/${name}`, bearer, 'Content-Length: 6')}abc`);
  const following = await open();
  await until(
    async () => (await get('/ch/both/out1.m4s', 'Range: bytes=0-0')).status,
    (status) => status === 206,
    'it grows',
  );
  const held = get('/ch/both/out0.m4s');
  await untilWaiting(1);
  following.send(request('GET', '/ch/both/out1.m4s'));
  for (const wire of [hls, dash]) wire.send('def');
  assert.equal((await held).headers.get('content-length'), '6');
  assert.equal((await following.response()).status, 200);
});

test('old segments are left out for players that ask for it', async () => {
  const long = (count: number) => playlist(100, { count, target: 2 });
  await put('/ch/skip/out.m3u8', long(19));
  await put('/ch/skip/out.m3u8', long(20));
  const whole = (await get('/ch/skip/out.m3u8')).body.toString();
  assert.ok(whole.includes('CAN-SKIP-UNTIL=12.0'));
  const delta = await get('/ch/skip/out.m3u8?_HLS_skip=YES');
  assert.equal(delta.headers.get('content-type'), 'application/vnd.apple.mpegurl');
  assert.equal(delta.headers.get('cache-control'), 'public, max-age=1');
  assert.ok(delta.body.includes('#EXT-X-SKIP:SKIPPED-SEGMENTS=14\n'));
  assert.ok(!delta.body.includes('out113.ts') && delta.body.includes('out114.ts'));
  const next = get('/ch/skip/out.m3u8?_HLS_msn=120&_HLS_skip=YES');
  await untilWaiting(1);
  await put('/ch/skip/out.m3u8', long(21));
  assert.ok((await next).body.includes('#EXT-X-SKIP:SKIPPED-SEGMENTS=15\n'));
});

test('where the site offers no waiting, a playlist is what was pushed', async () => {
  await channel('/plain/');
  assert.ok(!(await get('/plain/out.m3u8')).body.includes(tag));
  assert.equal((await get('/plain/out.m3u8?_HLS_msn=2')).status, 200);
});

test('a server that stops answers who waits; after a restart a playlist is waited for again', async () => {
  await channel('/ch/restart/');
  const held = get('/ch/restart/out.m3u8?_HLS_msn=2');
  await untilWaiting(1);
  await server.stop();
  assert.equal((await held).status, 503);
  server = await TestServer.start(site, '--workers', '2', ...listen);
  assert.equal((await get('/ch/restart/out.m3u8?_HLS_msn=9')).status, 400);
  const player = get('/ch/restart/out.m3u8?_HLS_msn=2');
  await untilWaiting(1);
  await put('/ch/restart/out.m3u8', playlist(0, { count: 3, target: 2 }));
  assert.ok((await player).body.includes('out2.ts'));
});
