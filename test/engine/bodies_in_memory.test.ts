// Small bodies that the application gets in memory: what it decides by them, and who is refused. How they
// arrive, and what becomes of clients that go, is native/test/server/memory_sink_test.cc's.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { type Answer, readBody, respond } from '../../src/engine/plan.ts';
import { SealgateError } from '../../src/errors.ts';
import { maxMemoryBodyBytes } from '../../src/limits.ts';
import { startEngine } from '../support/engine.ts';
import { assertProblem } from '../support/problem.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const digestOf = (body: Uint8Array) => createHash('sha256').update(body).digest('hex');
const digest = (body: Uint8Array) => respond(200, [], `${body.length} ${digestOf(body)}`);
let decide = () => {};
const decided = new Promise<void>((resolve) => {
  decide = resolve;
});
const behaviours: Record<string, () => Answer> = {
  '/digest': () => readBody(maxMemoryBodyBytes, digest),
  '/later': () =>
    readBody(1000, async (body) => {
      await decided;
      return digest(body);
    }),
  '/throws': () =>
    readBody(1000, () => {
      throw new SealgateError('field-refused');
    }),
  '/rejects': () => readBody(1000, () => Promise.reject(new Error('secret detail'))),
  '/larger': () => readBody(maxMemoryBodyBytes + 1, digest),
  '/ok': () => respond(200, [], 'fine'),
};
// Bodies that stall on purpose must not be cut on a slow machine.
const engine = await startEngine(({ path }) => (behaviours[path] as () => Answer)(), 1, '', undefined, {
  stallTimeout: 600_000,
});
after(() => engine.stop());
const open = (from?: string) => Wire.open(engine.origin, undefined, from);

async function answerTo(sent: string | Uint8Array, ...more: (string | Uint8Array)[]) {
  const wire = await open();
  for (const bytes of [sent, ...more]) wire.send(bytes);
  const answer = await wire.response();
  wire.close();
  return answer;
}
const length = (bytes: number) => `Content-Length: ${bytes}`;
const chunked = 'Transfer-Encoding: chunked';

for (const size of [0, 1, 16384, maxMemoryBodyBytes]) {
  test(`a body of ${size} bytes reaches the application whole, its length known or not`, async () => {
    const body = randomBytes(size);
    const expected = `${size} ${digestOf(body)}`;
    const known = await answerTo(request('POST', '/digest', length(size)), body);
    assert.equal(known.body.toString(), expected);
    const chunk =
      size === 0 ? '' : Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
    const unknown = await answerTo(request('POST', '/digest', chunked), chunk, '0\r\n\r\n');
    assert.equal(unknown.body.toString(), expected);
  });
}

test('a request without a body has an empty one, and HEAD gets no content', async () => {
  const empty = `0 ${digestOf(Buffer.alloc(0))}`;
  const wire = await open();
  for (const method of ['GET', 'HEAD', 'POST', 'GET']) {
    wire.send(request(method, '/digest'));
    const { status, headers, body } = await wire.response(method);
    assert.deepEqual([status, headers.get('content-length')], [200, `${empty.length}`]);
    assert.equal(body.toString(), method === 'HEAD' ? '' : empty);
  }
  wire.close();
});

test('100 Continue comes before the body, and requests behind it are answered after it', async () => {
  const wire = await open();
  wire.send(request('POST', '/digest', length(4), 'Expect: 100-continue'));
  assert.equal((await wire.response()).status, 100);
  wire.send(`body${request('GET', '/ok')}`);
  assert.equal((await wire.response()).body.toString(), `4 ${digestOf(Buffer.from('body'))}`);
  assert.equal((await wire.response()).body.toString(), 'fine');
  wire.close();
});

test('a body that is larger than wanted is 413 before it is asked for, or when it turns out', async () => {
  const most = maxMemoryBodyBytes;
  const known = request('POST', '/digest', length(most + 1), 'Expect: 100-continue');
  assertProblem(await answerTo(known), 413, 'body-too-large');
  const head = request('POST', '/digest', chunked);
  const turnsOut = await answerTo(head, `${(most + 1).toString(16)}\r\n`, Buffer.alloc(most + 1));
  assertProblem(turnsOut, 413, 'body-too-large');
});

test('what is thrown by the decision is a refusal, or 500 without detail', async () => {
  const sent = (path: string) => `${request('POST', path, length(1))}x`;
  assertProblem(await answerTo(sent('/throws')), 400, 'field-refused');
  const failed = await answerTo(sent('/rejects'));
  assertProblem(failed, 500, 'internal');
  assert.doesNotMatch(failed.body.toString(), /secret/);
  assertProblem(await answerTo(sent('/larger')), 500, 'internal');
});

test('a decision may take its time, and whether the client waits for it does not matter', async () => {
  const received = () => engine.pool.counters().uploads ?? 0;
  const before = received();
  const [waits, leaves] = [await open(), await open()];
  for (const wire of [waits, leaves]) wire.send(`${request('POST', '/later', length(4))}body`);
  await until(received, (count) => count === before + 2, 'bodies received');
  leaves.reset();
  decide();
  assert.equal((await waits.response()).body.toString(), `4 ${digestOf(Buffer.from('body'))}`);
  waits.close();
});

const held = () => engine.pool.counters().body_memory;

test('one client fills three quarters of the memory, many fill it, and all of it comes back', async () => {
  const wanted = request('POST', '/digest', length(maxMemoryBodyBytes), 'Expect: 100-continue');
  // 64 MiB in all. Who holds an eighth gets none of the last quarter.
  const expected: Record<string, number> = {
    '127.0.0.1': 47,
    '127.0.0.2': 8,
    '127.0.0.3': 8,
    '127.0.0.4': 0,
  };
  for (let twice = 0; twice < 2; twice++) {
    const wires: Wire[] = [];
    for (const [from, count] of Object.entries(expected)) {
      for (let i = 0; i <= count; i++) {
        const wire = await open(from);
        wires.push(wire);
        wire.send(wanted);
        const answer = await wire.response();
        if (i < count) {
          assert.equal(answer.status, 100, `${from}, body ${i + 1}`);
        } else {
          assertProblem(answer, 503, 'application-overloaded');
          assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
        }
      }
    }
    // Each of the 63 bodies takes a further 4 KiB.
    assert.equal(held(), 63 * (maxMemoryBodyBytes + 4096));
    // What was accepted is received all the same.
    wires[0]?.send(Buffer.alloc(maxMemoryBodyBytes));
    assert.equal((await wires[0]?.response())?.status, 200);
    for (const wire of wires) wire.close();
    await until(held, (bytes) => bytes === 0, 'memory held for bodies');
  }
});
