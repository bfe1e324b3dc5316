// What has come to a publishing point: in the metrics, the status for the dashboard, and the diagnosis.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({
  buckets: { channels: 'versioned' },
  sites: [
    {
      ...{ protocol: 'live', bucket: 'channels', path: '/ch/', prefix: 'ch/', name: 'ch' },
      readWhileWriting: ['/ch/**'],
    },
    { protocol: 'live', bucket: 'channels', path: '/idle/', prefix: 'idle/', name: 'idle' },
  ],
});
const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...listen);
const clear = server.urls[1] ?? '';
const wire = await Wire.open(clear);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const bearer = `Authorization: Bearer ${site.token}`;
async function put(name: string, body: string): Promise<number> {
  wire.send(`${request('PUT', `/ch/${name}`, bearer, `Content-Length: ${body.length}`)}${body}`);
  return (await wire.response('PUT')).status;
}
const metric = (name: string, site = 'site="ch"') => server.metric(`sealgate_point_${name}{${site}}`);

const told = async (what: string) => (await fetch(`${server.control}/${what}`)).json();

function playlist(last: number, ago: number, more = ''): string {
  const time = new Date(Date.now() - ago).toISOString();
  const head = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n';
  const segments = Array.from({ length: last + 1 }, (_, at) => `#EXTINF:2.0,\nout${at}.ts\n`);
  return `${head}#EXT-X-PROGRAM-DATE-TIME:${time}\n${segments.join('')}${more}`;
}

test('segments, what is missing, refused by problem, and the delay that a playlist tells', async () => {
  for (const number of [0, 1, 2, 5, 6, 7, 8]) assert.equal(await put(`out${number}.ts`, `${number}`), 201);
  assert.equal(await put('out0.ts', '0'), 200);
  assert.equal(await put('out0.ts', 'other'), 409);
  assert.equal(await put('out.m3u8', playlist(8, 25_000)), 201);
  assert.equal(await metric('segments_total'), 7);
  assert.equal(await metric('missing_total'), 2);
  assert.equal(await metric('late_total'), 0);
  assert.equal(await metric('refused_uploads_total', 'site="ch",problem="segment-taken"'), 1);
  const delay = await metric('glass_to_origin_seconds');
  assert.ok(delay >= 7 && delay < 60, `${delay}`);
  assert.ok((await metric('newest_segment_age_seconds')) >= 0);
});

test('readers of a segment that is arriving are counted', async () => {
  const encoder = await Wire.open(clear);
  encoder.send(request('PUT', '/ch/grow1.m4s', bearer, 'Expect: 100-continue', 'Transfer-Encoding: chunked'));
  assert.equal((await encoder.head()).status, 100);
  encoder.send('1\r\nx\r\n');
  const reader = await Wire.open(clear);
  reader.send(request('GET', '/ch/grow1.m4s'));
  assert.equal((await reader.head()).status, 200);
  encoder.send('0\r\n\r\n');
  assert.equal((await encoder.response('PUT')).status, 201);
  for (const each of [reader, encoder]) each.close();
  assert.equal(await metric('growing_reads_total'), 1);
});

test('the status has each point, and the diagnosis what was refused', async () => {
  const { points } = await told('status');
  const [{ name, totals, refused }] = points;
  assert.deepEqual([name, totals.segments, refused], ['ch', 8, { 'segment-taken': 1, 'playlist-behind': 0 }]);
  assert.deepEqual(points[1], {
    name: 'idle',
    totals: { ...points[1].totals },
    refused: { 'segment-taken': 0, 'playlist-behind': 0 },
  });
  assert.equal(points[1].totals.newest_age, undefined);
  const seen = async () => (await told('diagnosis')).symptoms.map((each: { name: string }) => each.name);
  await until(seen, (names) => names.includes('segments-refused'), 'the symptom');
});

test('a playlist that ends: the point has no age and no delay', async () => {
  assert.equal(await put('out.m3u8', playlist(8, 25_000, '#EXT-X-ENDLIST\n')), 200);
  const exposition = await (await fetch(`${server.control}/metrics`)).text();
  assert.doesNotMatch(exposition, /^sealgate_point_(?:newest_segment_age|glass_to_origin)_seconds\{/m);
});
