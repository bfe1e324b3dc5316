// An upload in several requests, as registries and resumable clients make it: a protocol of this test's own
// appends their bodies to one file, and places it as an object when the last has come.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import type { EngineRequest } from '../../src/engine/engine_request.ts';
import { type Answer, append, problem, respond } from '../../src/engine/plan.ts';
import { addon, type PartialFile } from '../../src/native/addon.ts';
import { conditionsOf } from '../../src/objects/conditions.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { Objects } from '../../src/objects/objects.ts';
import type { Receiving } from '../../src/objects/receiving.ts';
import type { Stored } from '../../src/objects/requests.ts';
import { promisesOf } from '../../src/protocols/objects/digest_fields.ts';
import { startEngine } from '../support/engine.ts';
import { assertProblem } from '../support/problem.ts';
import { sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await TestStore.open();
const objects = new Objects({
  store: site.store,
  epochs: new Epochs(addon),
  firstRead: () => 'trust',
  maxObjectBytes: 1 << 24,
});
const maxSize = 1 << 20;

const uploads = new Map<string, { file: PartialFile; object: Receiving<Stored> }>();
function handle(asked: EngineRequest): Answer {
  const name = asked.path.slice(1);
  if (asked.method === 'POST') {
    const { digest: _, ...promised } = promisesOf(asked.headers);
    const conditions = conditionsOf(asked.headers);
    const object = objects.put({ bucket: 'files', name }, { conditions, ...promised });
    uploads.set(name, { object, file: addon.partialFile(object.staging, object.digests) });
    return respond(201);
  }
  const upload = uploads.get(name);
  if (upload === undefined) return problem('not-found');
  const { file, object } = upload;
  if (asked.method === 'HEAD') return respond(204, [['Upload-Offset', `${file.size}`]]);
  const last = asked.headers.get('upload-complete') === '?1';
  const at = asked.headers.get('upload-offset');
  const to = { file, last, sync: false, maxSize, ...(at !== null && { at: Number(at) }) };
  return append(to, async (soFar) => {
    if (!last) return respond(204, [['Upload-Offset', `${soFar.size}`]]);
    uploads.delete(name);
    const { digest } = await object.commit(soFar);
    return respond(201, [], digest);
  });
}

const engine = await startEngine(handle, 1);
after(async () => {
  await engine.stop();
  await site.remove();
});
const open = () => Wire.open(engine.origin);
const wire = await open();
after(() => wire.close());
const length = (bytes: number) => `Content-Length: ${bytes}`;
const complete = 'Upload-Complete: ?1';
const counter = (name: string) => engine.pool.counters()[name] ?? 0;

async function begin(name: string, ...fields: string[]): Promise<string> {
  wire.send(request('POST', `/${name}`, ...fields));
  assert.equal((await wire.response()).status, 201);
  return `/${name}`;
}
async function patch(path: string, body: Uint8Array, ...fields: string[]) {
  wire.send(request('PATCH', path, length(body.length), ...fields));
  wire.send(body);
  return wire.response();
}
async function offset(path: string): Promise<number> {
  wire.send(request('HEAD', path));
  return Number((await wire.response('HEAD')).headers.get('upload-offset'));
}
const free = (path: string) =>
  until(
    () => uploads.get(path.slice(1))?.file.busy,
    (busy) => busy === false,
    'a file that nobody writes to',
  );

/** Begins a request and sends as much of its body; resolves when the engine has that. */
async function unfinished(path: string, part: Uint8Array): Promise<Wire> {
  const before = counter('received_bytes');
  const client = await open();
  client.send(request('PATCH', path, length(part.length + 1)));
  client.send(part);
  await until(
    () => counter('received_bytes'),
    (bytes) => bytes === before + part.length,
    'bytes received',
  );
  return client;
}

test('three requests, one of them cut off, make one object with the digest of all bytes', async () => {
  const body = randomBytes(2_000_000);
  const path = await begin('three');
  const first = await patch(path, body.subarray(0, 1000));
  assert.equal(first.headers.get('upload-offset'), '1000');
  const cut = await unfinished(path, body.subarray(1000, 701_000));
  cut.reset();
  await free(path);
  const there = await offset(path);
  assert.equal(there, 701_000, 'what had arrived counts');
  await patch(path, body.subarray(there, 1_500_000));
  const made = await patch(path, body.subarray(1_500_000), complete);
  assert.deepEqual([made.status, made.body.toString()], [201, sha256(body)]);
  const { digest } = await objects.head({ bucket: 'files', name: 'three' });
  assert.equal(digest, sha256(body));
  assert.deepEqual(await site.staged(), []);
});

test('an MD5 that was promised at the beginning of several requests is that of all bytes', async () => {
  const body = randomBytes(900_000);
  const md5 = createHash('md5').update(body).digest();
  for (const [name, promised] of [
    ['md5-wrong', randomBytes(16)],
    ['md5-right', md5],
  ] as const) {
    const path = await begin(name, `Content-MD5: ${promised.toString('base64')}`);
    await patch(path, body.subarray(0, 1000));
    const cut = await unfinished(path, body.subarray(1000, 601_000));
    cut.reset();
    await free(path);
    const made = await patch(path, body.subarray(await offset(path)), complete);
    if (promised !== md5) assertProblem(made, 422, 'digest-mismatch');
    else assert.equal(made.status, 201);
  }
  const { digests } = await objects.head({ bucket: 'files', name: 'md5-right' });
  assert.deepEqual(digests, { md5: md5.toString('hex') });
  await assert.rejects(objects.head({ bucket: 'files', name: 'md5-wrong' }), { code: 'not-found' });
});

test('a file that another process left is gone on with, and has the digests of all bytes', async () => {
  const body = randomBytes(2_000_000);
  const md5 = createHash('md5').update(body).digest();
  const at = await begin('left', `Content-MD5: ${md5.toString('base64')}`);
  const begun = uploads.get('left');
  assert.ok(begun);
  const { object } = begun;
  await writeFile(object.staging, body.subarray(0, 1_500_000), { mode: 0o600 });
  uploads.set('left', { object, file: addon.partialFile(object.staging, object.digests, 1_400_000) });
  assert.equal(await offset(at), 1_400_000);
  await patch(at, body.subarray(1_400_000, 1_400_100));
  const made = await patch(at, body.subarray(1_400_100), complete);
  assert.deepEqual([made.status, made.body.toString()], [201, sha256(body)]);
  const { digests } = await objects.head({ bucket: 'files', name: 'left' });
  assert.deepEqual(digests, { md5: md5.toString('hex') });
});

test('a second request to an upload is 409 while the first is received, which loses nothing', async () => {
  const path = await begin('two');
  const first = await unfinished(path, Buffer.from('abc'));
  const second = await open();
  second.send(request('PATCH', path, length(1)));
  assertProblem(await second.response(), 409, 'upload-busy');
  assert.equal(engine.refused.at(-1), 'upload-busy');
  second.close();
  first.send('d');
  assert.equal((await first.response()).headers.get('upload-offset'), '4');
  first.close();
  const made = await patch(path, Buffer.alloc(0), complete);
  assert.equal(made.body.toString(), sha256('abcd'));
});

test('a plan for a file of another size is 409, and one for its size is carried out', async () => {
  const path = await begin('sized');
  await patch(path, Buffer.from('ab'), 'Upload-Offset: 0');
  const client = await open();
  client.send(request('PATCH', path, length(1), 'Upload-Offset: 0'));
  assertProblem(await client.response(), 409, 'upload-busy');
  client.close();
  const made = await patch(path, Buffer.from('c'), 'Upload-Offset: 2', complete);
  assert.equal(made.body.toString(), sha256('abc'));
  assert.throws(() => addon.partialFile('x', [], -1), RangeError);
});

test('a body larger than wanted is 413, and the upload can go on', async () => {
  const path = await begin('large');
  const client = await open();
  client.send(request('PATCH', path, length(maxSize + 1)));
  assertProblem(await client.response(), 413, 'body-too-large');
  client.close();
  const chunked = await open();
  chunked.send(request('PATCH', path, 'Transfer-Encoding: chunked'));
  chunked.send(`${maxSize.toString(16)}\r\n`);
  chunked.send(Buffer.alloc(maxSize, 'x'));
  chunked.send('\r\n1\r\ny');
  assertProblem(await chunked.response(), 413, 'body-too-large');
  chunked.close();
  await free(path);
  assert.equal(await offset(path), maxSize);
  const made = await patch(path, Buffer.from('z'), complete);
  assert.equal(made.body.toString(), sha256(`${'x'.repeat(maxSize)}z`));
});
