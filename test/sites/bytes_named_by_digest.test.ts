// Naming stored bytes, where reading takes a token: who may not read them may not name them either.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tokens } from '../../src/auth/tokens.ts';
import { authorizer } from '../../src/sites/authorize.ts';
import { openTestApp, problemName } from '../support/app.ts';
import { sha256 } from '../support/store.ts';

const dir = await mkdtemp(join(tmpdir(), 'sealgate-sources-'));
const tokens = new Tokens(join(dir, 'tokens.json'));
const bearer = async (...scopes: string[]) => `Authorization: Bearer ${(await tokens.add({ scopes })).token}`;
const app = await openTestApp({ authorize: authorizer(tokens, [], false), openReads: false });
await app.store.createBucket('secret', 'versioned');
await app.store.createBucket('public', 'versioned');
const all = await bearer('write:*', 'read:*');
const publisher = await bearer('write:public', 'read:public');
after(async () => {
  await app.close();
  await rm(dir, { recursive: true });
});

const list = (digest: string, name = 'stolen') => JSON.stringify({ entries: [{ name, digest }] });
const publish = (digest: string, who: string, name?: string) =>
  app.put('/o/public/', list(digest, name), who);

test('a list with bytes of a bucket that its writer may not read: as if they were not stored', async () => {
  const [secret, nowhere] = [sha256('salaries'), sha256('never stored')];
  await app.put('/o/secret/salaries', 'salaries', all);
  const writers = [publisher, await bearer('write:*'), await bearer('write:*', 'read:public')];
  for (const who of writers) {
    const [held, absent] = [await publish(secret, who), await publish(nowhere, who)];
    assert.deepEqual([held.status, problemName(held)], [422, 'content-unknown']);
    const said = ({ body }: { body: string | Uint8Array }, digest: string) =>
      body.toString().replaceAll(digest, 'DIGEST');
    assert.equal(said(held, secret), said(absent, nowhere));
    assert.deepEqual(held.fields, absent.fields);
  }
  assert.equal(app.store.resolve('public', 'stolen'), undefined);
});

test('a list with bytes that its writer may read: it is done', async () => {
  await app.put('/o/secret/shared', 'shared', all);
  for (const who of [all, await bearer('write:public', 'read:secret')])
    assert.equal((await publish(sha256('shared'), who, 'shared')).status, 200);
});

test('a list with what readers of a bucket have no longer: refused, unless one may restore it', async () => {
  await app.put('/o/secret/moved', 'retracted', all);
  await app.put('/o/secret/moved', 'corrected', all);
  const reader = await bearer('write:public', 'read:secret');
  assert.equal((await publish(sha256('retracted'), reader, 'moved')).status, 422);
  assert.equal((await publish(sha256('corrected'), reader, 'moved')).status, 200);
  const editor = await bearer('write:public', 'read:secret', 'write:secret');
  assert.equal((await publish(sha256('retracted'), editor, 'moved')).status, 200);
});

test('a list with bytes of its own bucket: writing is enough, also for what was replaced', async () => {
  const writer = await bearer('write:public');
  await app.put('/o/public/own', 'first', writer);
  await app.put('/o/public/own', 'second', writer);
  await app.response('DELETE', '/o/public/own', writer);
  for (const bytes of ['first', 'second'])
    assert.equal((await publish(sha256(bytes), writer, 'again')).status, 200);
});

test('a token that only writes: it may name what it has stored by digest, and others may not', async () => {
  const [deployer, other] = [await bearer('write:*'), await bearer('write:*')];
  const digest = sha256('release');
  assert.equal((await app.put(`/sha256/${digest}`, 'release', deployer)).status, 201);
  assert.equal((await publish(digest, other, 'release')).status, 422);
  assert.equal((await publish(digest, deployer, 'release')).status, 200);
});

test('an upload by digest that was refused: the bytes are not named by it', async () => {
  const deployer = await bearer('write:*');
  const digest = sha256('held elsewhere');
  await app.put('/o/secret/held', 'held elsewhere', all);
  const refused = await app.put(`/sha256/${digest}`, 'other bytes', deployer);
  assert.equal(problemName(refused), 'digest-mismatch');
  assert.equal((await publish(digest, deployer)).status, 422);
});

test('COPY of a version without the right to read: done in its bucket, 403 to another one', async () => {
  await app.put('/o/secret/drop', 'dropped', all);
  const dropper = await bearer('write:secret', 'write:public', 'read:public');
  const copy = (to: string, who: string) =>
    app.response('COPY', '/o/secret/drop?version=1', `Destination: ${to}`, who);
  const refused = await copy('/o/public/drop', dropper);
  assert.deepEqual([refused.status, problemName(refused)], [403, 'scope-missing']);
  assert.equal(app.store.resolve('public', 'drop'), undefined);
  assert.equal((await copy('/o/secret/drop-2', dropper)).status, 201);
  assert.equal((await copy('/o/public/drop', all)).status, 201);
});

test('a blob of many names and buckets: those are found by their names, not by their versions', async () => {
  const bytes = 'everywhere';
  for (const bucket of ['files', 'live', 'secret'])
    for (const name of ['a', 'b']) await app.put(`/o/${bucket}/${name}`, bytes, all);
  for (const other of ['x', bytes, 'y', bytes]) await app.put('/o/live/a', other, all);
  const digest = sha256(bytes);
  assert.deepEqual([...app.store.bucketsOf(digest)], ['files', 'live', 'secret']);
  assert.deepEqual([...app.store.namesOf(digest, 'live')], ['a', 'b']);
  assert.deepEqual([...app.store.namesOf(digest, 'public')], []);
  const readers = await bearer('write:public', 'read:live');
  assert.equal((await publish(digest, readers, 'everywhere')).status, 200);
});
