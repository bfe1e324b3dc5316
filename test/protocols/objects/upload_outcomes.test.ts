// PUT: what a body does to a name, by the kind of its bucket.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Upload } from '../../../src/engine/plan.ts';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const sha256 = (body: string) => createHash('sha256').update(body).digest();
const staged = () => readdirSync(join(app.store.root, 'staging'));

test('a new name is 201 and says where and what it is', async () => {
  const made = await app.put('/o/files/d%C3%AFr/new%20file.txt', 'hello');
  const digest = sha256('hello');
  assert.equal(made.status, 201);
  assert.equal(field(made, 'Location'), '/o/files/d%C3%AFr/new%20file.txt');
  assert.equal(field(made, 'ETag'), `"${digest.toString('hex')}"`);
  assert.equal(field(made, 'Repr-Digest'), `sha-256=:${digest.toString('base64')}:`);
  assert.deepEqual(JSON.parse(made.body.toString()), {
    bucket: 'files',
    name: 'dïr/new file.txt',
    outcome: 'created',
    mediaType: 'text/plain; charset=utf-8',
    digest: digest.toString('hex'),
    size: 5,
  });
});

test('the same bytes again are 200, in either kind of bucket', async () => {
  for (const bucket of ['files', 'live']) {
    assert.equal((await app.put(`/o/${bucket}/same`, 'x')).status, 201);
    const again = await app.put(`/o/${bucket}/same`, 'x');
    assert.equal(again.status, 200);
    assert.equal(field(again, 'Location'), undefined);
  }
});

test('other bytes are 409 in a write-once bucket and leave nothing behind', async () => {
  await app.put('/o/files/taken', 'first');
  const refused = await app.put('/o/files/taken', 'second');
  assert.deepEqual([refused.status, problemName(refused)], [409, 'name-taken']);
  assert.equal(app.store.blob(sha256('second').toString('hex')), undefined);
  assert.deepEqual(staged(), []);
  assert.equal((await app.get('/o/files/taken')).blob.size, 5);
});

test('a promise of other bytes is 409 before the body is received', async () => {
  await app.put('/o/files/early', 'first');
  const promise = `Repr-Digest: sha-256=:${sha256('second').toString('base64')}:`;
  const refused = await app.response('PUT', '/o/files/early', 'Content-Length: 6', promise);
  assert.equal(refused.status, 409);
});

test('other bytes are a new version in a versioned bucket', async () => {
  await app.put('/o/live/v', 'first');
  assert.equal((await app.put('/o/live/v', 'second')).status, 200);
  assert.equal((await app.get('/o/live/v')).blob.digest, sha256('second').toString('hex'));
});

test('an empty body with framing is a file of no bytes', async () => {
  const answer = await app.ask('PUT', '/o/files/empty', 'Content-Length: 0');
  assert.equal(answer.kind, 'receive');
  assert.equal((await app.put('/o/files/empty', '')).status, 201);
  assert.equal((await app.get('/o/files/empty')).blob.size, 0);
});

test('each upload has a staging file of its own', async () => {
  const [one, two] = [
    await app.ask('PUT', '/o/files/s', 'Content-Length: 1'),
    await app.ask('PUT', '/o/files/s', 'Content-Length: 1'),
  ];
  const [first, second] = [one, two].map((answer) => (answer as Upload).sink.path);
  assert.ok(first !== undefined && second !== undefined && first !== second);
  assert.ok(!existsSync(first));
});
