// Codings of stored blobs: what is on record of them, and that they stay and go with the blob that they code.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { addon, type Hashed } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.store.createBucket('plain', 'versioned');
await site.store.setBucket('plain', { keep: { versions: 0 } });

const textOf = (what: string) => `${what}\n`.repeat(500);
async function put(name: string): Promise<string> {
  await site.put('plain', name, textOf(name));
  return sha256(textOf(name));
}
const br = (digest: string) => site.store.codings.of(digest, 'br');
async function made(digest: string): Promise<Hashed> {
  const coded = await site.store.codings.make(digest, 'br');
  assert.ok(coded && coded !== 'useless');
  return coded;
}
const isThere = (digest: string) => existsSync(site.blobPath(digest));
const collect = () => site.store.collect({ graceMs: 0 });

test('a coding decodes to the blob, is a sealed blob itself, and is known after a restart', async () => {
  const digest = await put('page');
  assert.equal(br(digest), undefined);
  const coded = await made(digest);
  const bytes = await readFile(site.blobPath(coded.digest));
  assert.deepEqual([sha256(bytes), bytes.length], [coded.digest, coded.size]);
  assert.equal(brotliDecompressSync(bytes).toString(), textOf('page'));
  assert.equal((await site.store.prove(coded.digest)).size, coded.size);
  const gzip = await site.store.codings.make(digest, 'gzip');
  assert.ok(gzip && gzip !== 'useless');
  assert.equal(gunzipSync(await readFile(site.blobPath(gzip.digest))).toString(), textOf('page'));
  await site.reopen();
  const { digest: its, size } = br(digest) as Hashed;
  assert.deepEqual({ digest: its, size }, { digest: coded.digest, size: coded.size });
  assert.deepEqual(await site.staged(), []);
});

test('bytes that no coding makes smaller: useless, on record, and no blob is left', async () => {
  await site.put('plain', 'noise', Buffer.from(sha256('a') + sha256('b'), 'hex'));
  const digest = sha256(Buffer.from(sha256('a') + sha256('b'), 'hex'));
  assert.equal(await site.store.codings.make(digest, 'br'), 'useless');
  await site.reopen();
  assert.equal(br(digest), 'useless');
  assert.deepEqual(await site.staged(), []);
});

test('a round of collection keeps the coding of a blob that is kept', async () => {
  const digest = await put('kept');
  const coded = await made(digest);
  await collect();
  assert.equal(isThere(coded.digest), true);
  const [kept] = site.store.kept(coded.digest, { graceMs: 0, limit: 10 });
  assert.ok(kept?.kind === 'name' && kept.isNewest);
});

test('a blob that is collected takes its codings with it', async () => {
  const digest = await put('gone');
  const coded = await made(digest);
  await site.store.codings.make(digest, 'zstd');
  await site.put('plain', 'gone', 'other bytes');
  await collect();
  assert.equal(isThere(digest), false);
  assert.equal(br(digest), undefined);
  await collect();
  assert.equal(isThere(coded.digest), false);
  assert.deepEqual(site.store.known({ only: coded.digest }), []);
  assert.deepEqual(await site.store.miscounted(), []);
});

test('a blob that is forgotten takes its codings with it, unless a name has them as well', async () => {
  const [digest, shared] = [await put('secret'), await put('shared')];
  const [coded, twice] = [await made(digest), await made(shared)];
  await site.put('plain', 'its.br', await readFile(site.blobPath(twice.digest)));
  assert.equal(await site.store.forget(digest, 'why'), true);
  assert.equal(await site.store.forget(shared, 'why'), true);
  assert.deepEqual([isThere(coded.digest), isThere(twice.digest)], [false, true]);
  assert.throws(() => site.store.recorded(coded.digest), { code: 'content-forgotten' });
  assert.equal(br(digest), undefined);
});

test('a coding that was forgotten by itself is useless from then on', async () => {
  const digest = await put('coding forgotten');
  const coded = await made(digest);
  await site.store.forget(coded.digest, 'why');
  assert.equal(br(digest), 'useless');
});

test('a coding that is damaged is made again, and proved', async () => {
  const digest = await put('damaged');
  const coded = await made(digest);
  await rm(site.blobPath(coded.digest), { force: true });
  await site.store.quarantine(coded.digest, 'content');
  assert.equal(br(digest), undefined);
  assert.deepEqual((await made(digest)).digest, coded.digest);
  assert.equal((await site.store.prove(coded.digest)).size, coded.size);
});

test('a blob whose bytes are damaged has no coding made, and is withdrawn', async () => {
  const digest = await put('rotten');
  const path = site.blobPath(digest);
  await chmod(path, 0o644);
  await writeFile(path, textOf('rotted'));
  await chmod(path, 0o444);
  await assert.rejects(site.store.codings.make(digest, 'br'), { code: 'seal-broken' });
  assert.equal(br(digest), undefined);
  assert.deepEqual(await site.staged(), []);
});

test('a stored blob that decodes to another is taken as its coding, any other is not', async () => {
  const digest = await put('built');
  const [right, wrong] = [gzipSync(textOf('built'), { level: 1 }), gzipSync(textOf('other'), { level: 1 })];
  await site.put('plain', 'built.gz', right);
  await site.put('plain', 'other.gz', wrong);
  assert.equal(await site.store.codings.take(digest, 'gzip', sha256(wrong)), false);
  assert.equal(await site.store.codings.take(digest, 'br', sha256(right)), false);
  assert.equal(await site.store.codings.take(digest, 'gzip', sha256('nowhere')), false);
  assert.equal(await site.store.codings.take(digest, 'gzip', sha256(right)), true);
  const coded = site.store.codings.of(digest, 'gzip') as Hashed;
  assert.deepEqual([coded.digest, coded.size], [sha256(right), right.length]);
  await site.store.deleteRef('plain', 'built.gz');
  await collect();
  assert.equal(isThere(sha256(right)), true);
});

test('a blob that is not stored has no coding made', async () => {
  assert.equal(await site.store.codings.make(sha256('nowhere'), 'br'), undefined);
  const digest = await put('unreadable');
  await rm(site.blobPath(digest));
  await assert.rejects(site.store.codings.make(digest, 'br'), { code: 'ENOENT' });
  assert.deepEqual(await site.staged(), []);
});

test('coding that is ended leaves nothing behind', async () => {
  const digest = await put('ended');
  const makings = [site.store.codings.make(digest, 'br'), site.store.codings.make(digest, 'gzip')];
  addon.endCoding();
  const [, second] = await Promise.allSettled(makings);
  assert.ok(second?.status === 'rejected' && second.reason.code === 'ECANCELED');
  assert.deepEqual(await site.staged(), []);
});

test('a rebuilt store knows its codings', async () => {
  const digest = await put('rebuilt');
  const coded = await made(digest);
  await site.store.close();
  await rm(join(site.root, 'meta/data.mdb'));
  await rebuildStore(site.root);
  site.store = await openStore({ root: site.root });
  assert.equal((br(digest) as Hashed).digest, coded.digest);
  await collect();
  assert.equal(isThere(coded.digest), true);
});
