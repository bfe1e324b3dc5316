// Each answer has the id of its request, which the access log and problem documents have too. A proxy may
// give requests ids only where its network is named.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite({
  buckets: { files: 'write-once' },
  sentinel: { intervalSeconds: 0 },
  log: { access: 'access.log' },
  requestIds: { trust: ['127.0.0.2', '10.0.0.0/8'] },
});
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...both, '--workers', '1');
const plain = server.urls[1] ?? '';
const trust = await readFile(site.certificate, 'utf8');
after(async () => {
  await server.stop();
  await site.remove();
});

const sizes = { small: 1000, large: 200_000 };
for (const [name, size] of Object.entries(sizes)) {
  await writeFile(join(site.dir, name), Buffer.alloc(size, name));
  assert.equal((await server.put(`/o/files/${name}`, join(site.dir, name))).status, 201);
}

const own = /^[0-9a-f]{32}$/;
const idOf = ({ headers }: Response) => headers.get('x-request-id') ?? '';

async function logged(count: number): Promise<{ request: string; status: number; target?: string }[]> {
  const text = () => readFile(join(site.dir, 'access.log'), 'utf8').catch(() => '');
  const lines = async () => (await text()).split('\n').filter((line) => line !== '');
  const all = await until(lines, ({ length }) => length >= count, 'the access log');
  return all.map((line) => JSON.parse(line));
}

async function ended(bytes: string): Promise<Response> {
  const wire = await Wire.open(plain);
  wire.send(bytes);
  const answer = await wire.response();
  wire.close();
  return answer;
}

test('answers of every kind: an id each, no two alike, and the same in the access log', async () => {
  const before = (await logged(2)).length;
  const ids: string[] = [];
  for (const url of [plain, server.url]) {
    const wire = await Wire.open(url, trust);
    // Thrice each: planned, from the plan, and from the text that is kept with it.
    for (const target of ['/o/files/small', '/o/files/large', '/o/files/none', '/o/files/']) {
      for (const fields of [[], [], [], ['Range: bytes=0-9'], ['If-None-Match: *'], ['If-Match: "x"']])
        ids.push(idOf(await wire.get(target, ...fields)));
      wire.send(request('HEAD', target));
      ids.push(idOf(await wire.response('HEAD')));
    }
    wire.close();
  }
  ids.push(idOf(await ended('GET / HTTP/1.1\r\nno colon\r\n\r\n')));
  ids.push(idOf(await ended(request('PUT', '/o/files/small', 'Content-Length: 3'))));
  for (const id of ids) assert.match(id, own);
  assert.equal(new Set(ids).size, ids.length);
  const lines = (await logged(before + ids.length)).slice(before);
  assert.deepEqual(
    lines.map((line) => line.request),
    ids,
  );
});

test('a problem document of the engine and of the application: the id is in it', async () => {
  const wire = await Wire.open(plain);
  for (const [target, field, status] of [
    ['/o/files/none', 'A: b', 404],
    ['/o/files/small', 'If-Match: "x"', 412],
  ] as const) {
    const answer = await wire.get(target, field);
    assert.equal(answer.status, status);
    assert.equal(JSON.parse(`${answer.body}`).request, idOf(answer));
    assert.match(`${answer.body}`, /^\{[^\n]*\}\n$/);
  }
  wire.close();
});

test('clients that ask at once for an object, which waits for its turn: an id each', async () => {
  const wires = await Promise.all(Array.from({ length: 16 }, () => Wire.open(plain)));
  const ids: string[] = [];
  const rounds = 20;
  for (let i = 0; i < rounds; i++) {
    for (const wire of wires) wire.send(request('GET', '/o/files/large'));
    ids.push(...(await Promise.all(wires.map((wire) => wire.response()))).map(idOf));
  }
  for (const wire of wires) wire.close();
  for (const id of ids) assert.match(id, own);
  assert.equal(new Set(ids).size, rounds * wires.length);
});

test('X-Request-Id from a named network: it is the id; from others, or no id by its form: not', async () => {
  const fields = 'X-Request-Id: edge-7';
  const named = await Wire.open(plain, undefined, '127.0.0.2');
  // Not what is kept for others, nor kept for them.
  for (let i = 0; i < 3; i++) {
    assert.equal(idOf(await named.get('/o/files/small', fields)), 'edge-7');
    assert.match(idOf(await named.get('/o/files/small')), own);
  }
  assert.equal(idOf(await named.get('/o/files/small', 'X-Request-Id: "\\<')), '"\\<');
  const quoted = await named.get('/o/files/none', 'X-Request-Id: "\\<');
  assert.equal(JSON.parse(`${quoted.body}`).request, '"\\<');
  for (const other of ['a b', 'x'.repeat(129), '\xe9'])
    assert.match(idOf(await named.get('/o/files/small', `X-Request-Id: ${other}`)), own);
  named.close();
  const stranger = await Wire.open(plain);
  const answer = await stranger.get('/o/files/small', fields);
  assert.match(idOf(answer), own);
  stranger.close();
  const isLogged = (id: string) =>
    until(
      () => logged(0),
      (lines) => lines.some((line) => line.request === id),
      `a line of ${id}`,
    );
  for (const id of ['edge-7', '"\\<', idOf(answer)]) await isLogged(id);
});

test('"send": false: no id in answers and problem documents, one in the log', async () => {
  const other = await createSite({
    log: { access: 'access.log' },
    sentinel: { intervalSeconds: 0 },
    requestIds: { send: false },
  });
  const silent = await TestServer.start(other, '--listen', 'http://127.0.0.1:0', '--workers', '1');
  const answer = await silent.curl('/o/files/none');
  assert.equal(answer.headers.get('x-request-id'), undefined);
  assert.equal(JSON.parse(`${answer.body}`).request, undefined);
  const text = () => readFile(join(other.dir, 'access.log'), 'utf8').catch(() => '');
  assert.match(JSON.parse(await until(text, (said) => said !== '', 'the access log')).request, own);
  await silent.stop();
  await other.remove();
});
