// Every kind of record is in the journal and comes out of a rebuild, and out of an older data.mdb that was
// put back, as it was. A lost line costs what it said, and nothing that came after it.

import assert from 'node:assert/strict';
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import { maxBatch } from '../../src/store/records.ts';
import type { Ref } from '../../src/store/store.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const data = join(site.root, 'meta/data.mdb');
await site.store.close();
await copyFile(data, `${data}.older`);
site.store = await openStore({ root: site.root });

/** In the year 2001. */
const modified = 1_000_000_000_000;
for (const bytes of ['one', 'two', 'one']) await site.put('live', 'back and forth', bytes);
for (const name of ['withdrawn', 'forgotten', 'dated', 'typed']) await site.put('files', name, name);
await site.store.putRef('live', 'modified', { digest: sha256('dated'), modified });
await site.store.putRef('live', 'typed', { digest: sha256('typed'), mediaType: 'text/csv; header=present' });
const fields = { contentEncoding: 'gzip', cacheControl: 'max-age=5', meta: { a: 'b "c" \\', d: '' } };
await site.store.putRef('live', 'described', { digest: sha256('typed'), fields });
const digests = { md5: '0'.repeat(32), crc64nvme: '0'.repeat(16) };
await site.store.putRef('live', 'digested', { digest: sha256('typed'), digests });
await site.store.putRef('live', 'ends', { digest: sha256('typed'), expires: { at: 4_000_000_000_000 } });
await site.store.setBucket('live', { digests: ['md5', 'crc64nvme'] });
const { now } = Date;
Date.now = () => modified;
for (const bytes of ['first of a second', 'second of a second']) await site.put('live', 'undated', bytes);
Date.now = now;
await site.put('live', 'deleted', 'deleted');
await site.store.deleteRef('live', 'deleted');
await site.store.quarantine(sha256('withdrawn'), 'it was damaged');
await site.store.forget(sha256('forgotten'), 'it was secret');
await site.store.close();

async function allRecords() {
  const meta = await Metadata.reader(site.root);
  const records = [...meta.records()];
  await meta.close();
  return records;
}

const before = await allRecords();

async function assertAllAsBefore(): Promise<void> {
  assert.deepEqual(await allRecords(), before);
  site.store = await openStore({ root: site.root });
  const [withdrawn, forgotten] = [sha256('withdrawn'), sha256('forgotten')];
  assert.deepEqual(
    [withdrawn, forgotten].flatMap((only) => site.store.known({ only })),
    [
      { digest: withdrawn, state: 'withdrawn', why: 'it was damaged' },
      { digest: forgotten, state: 'forgotten', why: 'it was secret' },
    ],
  );
  assert.throws(() => site.store.recorded(withdrawn), { code: 'seal-broken' });
  assert.throws(() => site.store.recorded(forgotten), { code: 'content-forgotten' });
  const ref = (name: string) => site.store.resolve('live', name) as Ref & { deleted: false };
  assert.deepEqual(ref('described').fields, fields);
  assert.deepEqual(ref('digested').digests, digests);
  assert.equal(ref('ends').expires, 4_000_000_000_000);
  assert.equal(ref('modified').modified, modified);
  assert.equal(ref('typed').mediaType, 'text/csv; header=present');
  assert.deepEqual([ref('undated').undated, ref('undated').version], [true, 2]);
  assert.equal(site.store.resolve('live', 'deleted')?.deleted, true);
  await site.store.close();
}

test('an older data.mdb gets every record as it was', async () => {
  await copyFile(`${data}.older`, data);
  site.store = await openStore({ root: site.root });
  await site.store.close();
  await assertAllAsBefore();
});

test('a rebuild has every record as it was', async () => {
  await truncate(data, 0);
  await rebuildStore(site.root);
  await assertAllAsBefore();
});

test('a rebuild has names of bytes that were collected and stored again', async () => {
  const other = await TestStore.open();
  await other.store.setBucket('live', { keep: { versions: 0 } });
  await other.put('live', 'page', 'again');
  await other.put('live', 'page', 'other');
  // So many changes that the first version is on disk before its bytes are removed.
  for (let i = 0; i < 2 * maxBatch; i++)
    await other.store.putRef('live', `${i}`, { digest: sha256('other') });
  await other.store.collect({ graceMs: 0 });
  assert.equal(other.store.blob(sha256('again')), undefined);
  await other.put('live', 'page', 'again');
  await other.put('live', 'later', 'later');
  await other.store.close();
  await rebuildStore(other.root);
  other.store = await openStore({ root: other.root });
  for (const [name, bytes] of [
    ['page', 'again'],
    ['later', 'later'],
  ] as const)
    assert.deepEqual(heldBy(other.store.resolve('live', name)), sha256(bytes));
  await other.remove();
});

function heldBy(ref: Ref | undefined): string | undefined {
  return ref && !ref.deleted ? ref.digest : undefined;
}

const ways: Record<string, (root: string) => Promise<unknown>> = {
  'an older data.mdb put back': (root) =>
    copyFile(join(root, 'meta/data.mdb.older'), join(root, 'meta/data.mdb')),
  'a rebuild': (root) => rebuildStore(root),
};

for (const [way, mend] of Object.entries(ways)) {
  test(`the line of a first version is lost, then ${way}: the second version is there`, async () => {
    const other = await TestStore.open();
    const [data, journal] = [join(other.root, 'meta/data.mdb'), join(other.root, 'journal')];
    const newest = () => {
      const ref = other.store.resolve('live', 'page');
      return ref && !ref.deleted && ref.digest;
    };
    await other.store.close();
    await copyFile(data, `${data}.older`);
    other.store = await openStore({ root: other.root });
    for (const bytes of ['first', 'second']) await other.put('live', 'page', bytes);
    await other.store.close();
    const text = await readFile(journal, 'utf8');
    assert.ok(text.includes('["live","page",1]'));
    await writeFile(journal, text.replace('["live","page",1]', '["live","PAGE",1]'));
    await mend(other.root);
    other.store = await openStore({ root: other.root });
    assert.equal(newest(), sha256('second'));
    await other.put('live', 'page', 'third');
    assert.equal(newest(), sha256('third'));
    await other.remove();
  });
}
