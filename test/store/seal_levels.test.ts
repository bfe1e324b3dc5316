// Seal levels of blobs: a bucket asks for one, it is given before the blob is recorded, found again when the
// blob is opened, and undone before the file is moved or removed. Where this process may make no file
// immutable, all of this is at level L1 and said so.

import assert from 'node:assert/strict';
import { chmod, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { addon, levelOf, type SealLevel } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';
import { reachedLevel, removeSealed, setImmutable } from '../support/sealed.ts';
import { blobPath, putBytes, sha256, temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
const root = join(dir, 'store');
const reached = reachedLevel(dir);
const said: string[] = [];

/** Bucket `kept` asks for L2, `plain` for L1. */
async function open(): Promise<Store> {
  const level = (bucket?: string): SealLevel => (bucket === 'kept' ? 'L2' : 'L1');
  const onLowered = (sentence: string) => said.push(sentence);
  const store = await openStore({ root, seals: { level, onLowered } });
  for (const bucket of ['kept', 'plain']) await store.createBucket(bucket, 'versioned');
  return store;
}

let store = await open();
after(async () => {
  await store.close();
  await removeSealed(dir);
});
beforeEach(() => said.splice(0));

async function reopen(): Promise<void> {
  await store.close();
  store = await open();
}

const pathOf = (bytes: string) => blobPath(root, sha256(bytes));
const level = async (bytes: string) => (await store.prove(sha256(bytes))).level;
const recorded = (bytes: string) => store.recorded(sha256(bytes));
const refusedIf = (level: SealLevel) => (level === 'L2' ? 'EPERM' : undefined);
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    ({ code }) => code,
  );

test('a bucket that asks for L2: its blobs are immutable, on record and after a restart', async () => {
  await putBytes(store, 'kept', 'a', 'immutable bytes');
  assert.equal(await level('immutable bytes'), reached);
  assert.equal(levelOf((await recorded('immutable bytes')).evidence), reached);
  await reopen();
  assert.equal(await level('immutable bytes'), reached);
  assert.equal(await errorOf(chmod(pathOf('immutable bytes'), 0o644)), refusedIf(reached));
});

test('a bucket that asks for L1: plain tools remove its blobs', async () => {
  await putBytes(store, 'plain', 'a', 'plain bytes');
  assert.equal(await level('plain bytes'), 'L1');
  await unlink(pathOf('plain bytes'));
});

test('a level that cannot be given: the next lower one, a count, and one sentence', async () => {
  await reopen();
  for (const bytes of ['one', 'two']) await putBytes(store, 'kept', bytes, bytes);
  const { seals_lowered: lowered, [`seals_given.${reached}`]: given } = store.counters();
  assert.equal(given, 2);
  assert.equal(lowered, reached === 'L2' ? 0 : 2);
  assert.equal(said.length, reached === 'L2' ? 0 : 1);
  for (const sentence of said) assert.match(sentence, /sealed at level L1, and L2 was asked for .*doctor/);
});

test('bytes of an L1 bucket are put or named in one that asks for L2: they are raised', async () => {
  for (const [name, again] of Object.entries({
    put: () => putBytes(store, 'kept', 'put', 'raised by put'),
    named: () => store.putRef('kept', 'named', { digest: sha256('raised by named') }),
  })) {
    const bytes = `raised by ${name}`;
    await putBytes(store, 'plain', name, bytes);
    assert.equal(await level(bytes), 'L1');
    await reopen();
    await again();
    assert.equal(await level(bytes), reached);
    assert.equal((await recorded(bytes)).size, bytes.length);
  }
});

test('bytes of an L2 bucket put in one that asks for L1: they keep their level', async () => {
  await putBytes(store, 'kept', 'stays', 'stays as it is');
  await putBytes(store, 'plain', 'stays', 'stays as it is');
  assert.equal(await level('stays as it is'), reached);
});

test('chattr -i on a blob: it is proved and made immutable again', async (t) => {
  if (reached === 'L1') return t.skip('this process may make no file immutable');
  await putBytes(store, 'kept', 'cleared', 'cleared by somebody');
  const before = await recorded('cleared by somebody');
  setImmutable(pathOf('cleared by somebody'), false);
  assert.equal(addon.seal(pathOf('cleared by somebody'), before), 'evidence');
  assert.equal(await level('cleared by somebody'), 'L2');
  assert.equal(await errorOf(unlink(pathOf('cleared by somebody'))), 'EPERM');
});

test('a blob is changed and made immutable by somebody: it is withdrawn, its file moved', async (t) => {
  if (reached === 'L1') return t.skip('this process may make no file immutable');
  await putBytes(store, 'kept', 'changed', 'changed by somebody');
  const path = pathOf('changed by somebody');
  setImmutable(path, false);
  await chmod(path, 0o644);
  await writeFile(path, 'CHANGED BY SOMEBODY');
  await chmod(path, 0o444);
  setImmutable(path, true);
  await assert.rejects(level('changed by somebody'), { code: 'seal-broken' });
  assert.equal(await errorOf(unlink(path)), 'ENOENT');
  const kept = await readdir(join(root, 'quarantine'));
  assert.ok(kept.some((name) => name.startsWith(sha256('changed by somebody'))));
});

test('an immutable blob is forgotten: its files go, also an immutable one in quarantine', async () => {
  await putBytes(store, 'kept', 'forgotten', 'to be forgotten');
  const digest = sha256('to be forgotten');
  await store.quarantine(digest, 'a test wants it');
  const [name = ''] = (await readdir(join(root, 'quarantine'))).filter((each) => each.startsWith(digest));
  if (reached === 'L2') setImmutable(join(root, 'quarantine', name), true);
  await putBytes(store, 'kept', 'forgotten', 'to be forgotten');
  assert.equal(await level('to be forgotten'), reached);
  assert.equal(await store.forget(digest, 'a test wants it'), true);
  assert.equal(await errorOf(unlink(pathOf('to be forgotten'))), 'ENOENT');
  assert.ok(!(await readdir(join(root, 'quarantine'))).includes(name));
});

test('an immutable file that a crash left without a record: the same bytes take it over', async () => {
  await putBytes(store, 'kept', 'crashed', 'left by a crash');
  const digest = sha256('left by a crash');
  await store.forget(digest, 'a test wants it');
  await writeFile(pathOf('left by a crash'), 'left by a crash', { mode: 0o444 });
  if (reached === 'L2') setImmutable(pathOf('left by a crash'), true);
  await putBytes(store, 'plain', 'crashed', 'left by a crash');
  assert.equal(await level('left by a crash'), reached);
});

test('an immutable file in staging: the store opens, and it is gone', async () => {
  const left = store.stagingPath();
  await writeFile(left, 'left by an upload');
  if (reached === 'L2') setImmutable(left, true);
  await reopen();
  assert.equal(await errorOf(unlink(left)), 'ENOENT');
});

test('evidence that is no evidence: the blob is proved anew', async () => {
  await putBytes(store, 'plain', 'b', 'bytes of an odd record');
  const record = await recorded('bytes of an odd record');
  for (const end of [' immutabl', ' verity:abc', ' immutable immutable', '\n']) {
    const odd = { ...record, evidence: `${record.evidence}${end}` };
    assert.equal(addon.seal(pathOf('bytes of an odd record'), odd), 'evidence');
  }
  await rm(pathOf('bytes of an odd record'));
});
