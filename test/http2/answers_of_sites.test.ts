// Answers that are kept and shared with HTTP/1.1: each says which request it is for, and when; whether a kept
// plan made it; and is counted for its site.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { flag, Http2Wire, request, type } from '../support/http2_wire.ts';
import type { Response } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { serve } from './support.ts';

const served = await serve({
  log: { access: './access.log' },
  sentinel: { intervalSeconds: 0 },
  sites: [{ host: '*', protocol: 'objects', name: 'all', cacheStatus: true }],
});
after(served.stop);
const { server, site, clear } = served;

const http2 = (path: string, ...args: string[]) => server.curl(path, '--http2', ...args);
const idOf = ({ headers }: Response) => headers.get('x-request-id') ?? '';
const hit = 'sealgate; hit';

test('answers over both versions in turn: an id each, and the same in the access log', async () => {
  const ids: string[] = [];
  for (const path of ['/o/files/small', '/o/files/large', '/o/files/none']) {
    for (const version of ['--http2', '--http1.1', '--http2', '--http1.1', '--http2']) {
      for (const args of [[], ['-I'], ['-r', '0-9']])
        ids.push(idOf(await server.curl(path, version, ...args)));
    }
  }
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(new Set(ids).size, ids.length);
  const log = () => readFile(join(site.dir, 'access.log'), 'utf8');
  await until(log, (text) => ids.every((id) => text.includes(`"request":"${id}"`)), 'ids in the log');
});

test('requests that come together: no two heads are alike, though one answer is kept for all', async () => {
  await http2('/o/files/small');
  const wire = await Http2Wire.open(clear);
  const streams = Array.from({ length: 50 }, (_, n) => 2 * n + 1);
  wire.socket.cork();
  for (const stream of streams) wire.ask(stream, request('GET', '/o/files/small'));
  wire.socket.uncork();
  const heads = new Set<string>();
  let ended = 0;
  await wire.until((each) => {
    if (each.type === type.headers) heads.add(each.payload.toString('hex'));
    if (each.stream > 0 && (each.flags & flag.endStream) !== 0) ended++;
    return ended === streams.length;
  });
  assert.equal(heads.size, streams.length);
  wire.close();
});

test('a kept answer is dated when it is given', async () => {
  const dateOf = async () => (await http2('/o/files/small')).headers.get('date') ?? '';
  const first = await dateOf();
  await until(dateOf, (date) => Date.parse(date) > Date.parse(first), 'a later date');
});

test('Cache-Status: a miss that is stored, then hits, whichever version asked first', async () => {
  const said = async (path: string, ...args: string[]) =>
    (await http2(path, ...args)).headers.get('cache-status');
  await server.put('/o/files/fresh', join(site.dir, 'small'));
  assert.equal(await said('/o/files/fresh'), 'sealgate; fwd=miss; stored');
  assert.equal(await said('/o/files/fresh'), hit);
  assert.equal((await server.curl('/o/files/fresh')).headers.get('cache-status'), hit);
  assert.equal(await said('/o/files/fresh', '-I'), hit);
  assert.equal(await said('/o/files/small', '-X', 'POST'), 'sealgate; fwd=method');
});

test('responses are counted for the site, with their bytes', async () => {
  const counted = async () => [
    await server.metric('sealgate_site_responses_total{site="all",status="2xx"}'),
    await server.metric('sealgate_site_sent_bytes_total{site="all"}'),
  ];
  const [responses = 0, bytes = 0] = await counted();
  await http2('/o/files/large');
  const [then = 0, more = 0] = await counted();
  assert.equal(then, responses + 1);
  assert.ok(more - bytes > 1024 * 1024, `${more - bytes} bytes`);
});

test('the head that is kept for HTTP/2 counts as memory of kept plans', async () => {
  const bytes = () => server.metric('sealgate_plan_cache_bytes');
  await server.put('/o/files/counted', join(site.dir, 'small'));
  const none = await bytes();
  for (let n = 0; n < 3; n++) await server.curl('/o/files/counted');
  const one = await bytes();
  await http2('/o/files/counted');
  const two = await bytes();
  await http2('/o/files/counted');
  assert.ok(one > none + 1024 && two > one + 512, `${none}, ${one}, ${two}`);
  assert.equal(await bytes(), two);
});
