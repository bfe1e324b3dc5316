// Collection: what is freed, what stays, and for how long. Every bucket's rule, and what nothing keeps.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Collected, Round } from '../../src/store/collection.ts';
import { openStore } from '../../src/store/content_store.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
await site.store.createBucket('plain', 'versioned');
await site.store.setBucket('plain', { keep: { versions: 0 } });

const isThere = (bytes: string) => existsSync(site.blobPath(sha256(bytes)));

function collect(round: Partial<Round> = {}): Promise<Collected> {
  return site.store.collect({ graceMs: 0, ...round });
}

async function records(): Promise<string[]> {
  const meta = await Metadata.reader(site.root);
  const found = [...meta.records()].map(({ table, key }) => `${table} ${JSON.stringify(key)}`);
  await meta.close();
  return found;
}

const recordsOf = async (bytes: string) => (await records()).filter((each) => each.includes(sha256(bytes)));

test('an overwritten object of a bucket that keeps no versions: file and records are gone', async () => {
  await site.put('plain', 'page', 'page 1');
  await site.put('plain', 'page', 'page 2');
  const { versions, blobs, bytes } = await collect();
  assert.deepEqual([versions, blobs, bytes], [1, 1, 6]);
  assert.deepEqual([isThere('page 1'), isThere('page 2')], [false, true]);
  assert.deepEqual(await recordsOf('page 1'), []);
  assert.throws(() => site.store.recorded(sha256('page 1')), { code: 'not-found' });
  const ref = site.store.resolve('plain', 'page');
  assert.deepEqual(ref && [ref.version, ref.deleted === false && ref.digest], [2, sha256('page 2')]);
  assert.ok(!(await records()).includes('refs ["plain","page",1]'));
});

test('versions count on behind those that were collected, also after a restart', async () => {
  await site.put('plain', 'page', 'page 3');
  await collect();
  await site.reopen();
  await site.put('plain', 'page', 'page 4');
  assert.equal(site.store.resolve('plain', 'page')?.version, 4);
  await collect();
});

test('within the grace time nothing is removed, and what waits is told', async () => {
  await site.put('plain', 'young', 'young 1');
  await site.put('plain', 'young', 'young 2');
  const { versions, blobs, waiting } = await collect({ graceMs: 60_000 });
  assert.deepEqual([versions, blobs, waiting], [0, 0, { versions: 1, bytes: 7 }]);
  assert.ok(isThere('young 1'));
  assert.equal((await collect()).blobs, 1);
});

test('a versioned bucket without a rule keeps all versions, deleted ones too', async () => {
  for (const bytes of ['kept 1', 'kept 2']) await site.put('live', 'kept', bytes);
  await site.store.deleteRef('live', 'kept');
  const { versions, blobs } = await collect();
  assert.deepEqual([versions, blobs], [0, 0]);
  assert.ok(isThere('kept 1') && isThere('kept 2'));
});

test('a rule by number keeps so many versions behind the newest', async () => {
  await site.store.createBucket('two', 'versioned');
  await site.store.setBucket('two', { keep: { versions: 2 } });
  for (let i = 1; i <= 5; i++) await site.put('two', 'name', `two ${i}`);
  assert.equal((await collect()).versions, 2);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((i) => isThere(`two ${i}`)),
    [false, false, true, true, true],
  );
});

test('a rule by number and age keeps what one of the two keeps', async () => {
  await site.store.createBucket('both', 'versioned');
  await site.store.setBucket('both', { keep: { versions: 1, seconds: 3600 } });
  for (let i = 1; i <= 4; i++) await site.put('both', 'name', `both ${i}`);
  const { versions, waiting } = await collect();
  assert.deepEqual([versions, waiting.versions], [0, 2]);
  await site.store.setBucket('both', { keep: { versions: 1 } });
  assert.equal((await collect()).versions, 2);
});

test('a deleted name of a write-once bucket frees its bytes and takes no others', async () => {
  await site.put('files', 'burnt', 'burnt');
  await site.store.deleteRef('files', 'burnt');
  assert.equal((await collect()).blobs, 1);
  assert.equal(isThere('burnt'), false);
  assert.equal(site.store.resolve('files', 'burnt')?.deleted, true);
  await site.reopen();
  await assert.rejects(site.put('files', 'burnt', 'other'), { code: 'name-taken' });
  assert.equal(isThere('other'), false, 'a refused name places nothing');
  assert.deepEqual([(await collect()).versions, (await collect()).blobs], [0, 0]);
  assert.equal(await site.put('files', 'burnt', 'burnt'), 'replaced');
  assert.equal((await site.store.prove(sha256('burnt'))).level, 'L1');
  await collect();
  assert.ok(isThere('burnt'));
});

test('bytes that another name points at stay', async () => {
  await site.put('files', 'other name', 'shared');
  await site.put('plain', 'shared', 'shared');
  await site.put('plain', 'shared', 'not shared');
  const { versions, blobs } = await collect();
  assert.deepEqual([versions, blobs], [1, 0]);
  assert.ok(isThere('shared'));
});

test('bytes stored by their digest stay until they are forgotten', async () => {
  const staging = site.store.stagingPath();
  await writeFile(staging, 'by digest', { mode: 0o444 });
  await site.store.commitBlob(staging, { digest: sha256('by digest'), size: 9 });
  assert.equal((await collect()).blobs, 0);
  assert.ok(isThere('by digest'));
  await site.store.forget(sha256('by digest'), 'why');
  assert.deepEqual(site.store.kept(sha256('by digest'), { graceMs: 0, limit: 10 }), []);
  await collect();
  assert.throws(() => site.store.recorded(sha256('by digest')), { code: 'content-forgotten' });
});

test('a blob in quarantine that nothing keeps is removed with its file there', async () => {
  await site.put('plain', 'damaged', 'damaged');
  await site.store.quarantine(sha256('damaged'), 'it was damaged');
  await site.put('plain', 'damaged', 'sound');
  assert.ok((await site.quarantined()).some((name) => name.startsWith(sha256('damaged'))));
  await collect();
  assert.ok(!(await site.quarantined()).some((name) => name.startsWith(sha256('damaged'))));
  assert.deepEqual(await recordsOf('damaged'), []);
});

test('a dry run says what would be freed and changes nothing', async () => {
  await site.put('plain', 'dry', 'dry 1');
  await site.put('plain', 'dry', 'dry 2');
  const before = await records();
  const reader = await openStore({ root: site.root, readOnly: true });
  const dry = await reader.collect({ graceMs: 0, dryRun: true });
  await reader.close();
  assert.deepEqual(await records(), before);
  assert.deepEqual([dry.versions, dry.blobs, dry.bytes], [1, 1, 5]);
  const { versions, blobs, bytes } = await collect();
  assert.deepEqual([versions, blobs, bytes], [1, 1, 5]);
});

test('bytes are counted as freed once kept plans are dropped, and the file is gone by then', async () => {
  await site.put('plain', 'held', 'held 1');
  await site.put('plain', 'held', 'held 2');
  const told: boolean[] = [];
  const released = async () => void told.push(isThere('held 1'));
  assert.equal((await collect({ released })).blobs, 1);
  assert.deepEqual(told, [false]);
});

test('a file that cannot be removed is told, keeps no other, and goes in the next round', async () => {
  for (const name of ['stuck', 'loose'])
    for (const number of [1, 2]) await site.put('plain', name, `${name} ${number}`);
  const file = site.blobPath(sha256('stuck 1'));
  // Not even root unlinks a folder. Deno does, where it is empty.
  await rm(file);
  await mkdir(join(file, 'full'), { recursive: true });
  const { blobs, failed } = await collect();
  assert.deepEqual([blobs, failed.map(({ digest }) => digest)], [1, [sha256('stuck 1')]]);
  assert.equal(isThere('loose 1'), false);
  await rm(file, { recursive: true });
  await writeFile(file, 'stuck 1');
  assert.equal((await collect()).blobs, 1);
  assert.deepEqual(await recordsOf('stuck 1'), []);
});

test('a collected blob stays collected after a rebuild and with an older data.mdb', async () => {
  const before = await records();
  await site.store.close();
  await truncate(join(site.root, 'meta/data.mdb'), 0);
  await rebuildStore(site.root);
  const found = (await records()).filter((each) => !each.startsWith('settings'));
  assert.deepEqual(
    found,
    before.filter((each) => !each.startsWith('settings')),
  );
  site.store = await openStore({ root: site.root });
  assert.deepEqual(site.store.bucket('two')?.keep, { versions: 2 });
});

test('an older data.mdb beside a journal that was written anew: the newest version is found', async () => {
  await site.put('plain', 'older', 'older 1');
  await site.store.close();
  const [data, journal] = [join(site.root, 'meta/data.mdb'), join(site.root, 'journal')];
  await copyFile(data, `${data}.older`);
  site.store = await openStore({ root: site.root });
  for (const number of [2, 3, 4]) await site.put('plain', 'older', `older ${number}`);
  await collect();
  await site.store.close();
  // One that is missing is written anew at open.
  await rm(journal);
  await (await openStore({ root: site.root })).close();
  await copyFile(`${data}.older`, data);
  site.store = await openStore({ root: site.root });
  const ref = site.store.resolve('plain', 'older');
  assert.deepEqual(ref && [ref.version, ref.deleted === false && ref.digest], [4, sha256('older 4')]);
  await collect();
  assert.deepEqual([isThere('older 1'), isThere('older 4')], [false, true]);
});

test('a damaged line of the journal keeps more than is needed, and no less', async () => {
  await site.put('plain', 'line', 'line 1');
  await site.put('plain', 'line', 'line 2');
  await collect();
  await site.store.close();
  const journal = join(site.root, 'journal');
  const text = await readFile(journal, 'utf8');
  await writeFile(journal, text.replace('["holds",', '["Holds",'));
  await truncate(join(site.root, 'meta/data.mdb'), 0);
  await rebuildStore(site.root);
  site.store = await openStore({ root: site.root });
  await collect();
  for (const bytes of ['line 2', 'page 4', 'shared', 'burnt']) assert.ok(isThere(bytes), bytes);
});
