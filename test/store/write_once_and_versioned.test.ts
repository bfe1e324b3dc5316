// What a name may become: a write-once name keeps its bytes, a versioned one follows the newest, and a
// deletion is a version like any other.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Metadata } from '../../src/store/metadata.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const taken = { code: 'name-taken' };

/** Every version of a name there is, oldest first: what its record holds. */
async function versions(bucket: string, name: string): Promise<(string | undefined)[]> {
  const meta = await Metadata.reader(site.root);
  const found: (string | undefined)[] = [];
  for (const { key, value } of meta.range<{ digest?: string }>('refs', { start: [bucket, name] })) {
    const [ofBucket, ofName, version] = key as [string, string, number];
    if (ofBucket !== bucket || ofName !== name) break;
    assert.equal(version, found.length + 1);
    found.push(value.digest);
  }
  await meta.close();
  return found;
}

test('a write-once name takes the same bytes again and refuses others', async () => {
  assert.equal(await site.put('files', 'a', 'one'), 'created');
  assert.equal(await site.put('files', 'a', 'one'), 'same');
  await assert.rejects(site.put('files', 'a', 'two'), taken);
  const ref = site.store.resolve('files', 'a');
  assert.equal(ref?.deleted === false && ref.digest, sha256('one'));
  assert.deepEqual(await versions('files', 'a'), [sha256('one')]);
});

test('a versioned name follows the newest bytes and keeps the versions before', async () => {
  assert.equal(await site.put('live', 'b', 'one'), 'created');
  assert.equal(await site.put('live', 'b', 'two'), 'replaced');
  assert.equal(await site.put('live', 'b', 'two'), 'same');
  assert.equal(await site.put('live', 'b', 'one'), 'replaced');
  const ref = site.store.resolve('live', 'b');
  assert.deepEqual(ref && [ref.version, ref.deleted === false && ref.digest], [3, sha256('one')]);
  assert.deepEqual(await versions('live', 'b'), ['one', 'two', 'one'].map(sha256));
});

test('a deletion is a further version, once', async () => {
  await site.put('live', 'c', 'one');
  assert.equal(await site.store.deleteRef('live', 'c'), true);
  assert.equal(await site.store.deleteRef('live', 'c'), false);
  assert.equal(await site.store.deleteRef('live', 'never written'), false);
  assert.equal(site.store.resolve('live', 'c')?.deleted, true);
  assert.equal(await site.put('live', 'c', 'two'), 'replaced');
  assert.deepEqual(await versions('live', 'c'), [sha256('one'), undefined, sha256('two')]);
});

test('a write-once name that was deleted takes nothing but the bytes it had', async () => {
  await site.put('files', 'd', 'one');
  await site.store.deleteRef('files', 'd');
  await assert.rejects(site.put('files', 'd', 'two'), taken);
  assert.equal(site.store.resolve('files', 'd')?.deleted, true);
  assert.equal(await site.put('files', 'd', 'one'), 'replaced');
  await site.store.deleteRef('files', 'd');
  await assert.rejects(site.put('files', 'd', 'two'), taken);
});

test('a bucket keeps its kind', async () => {
  await site.store.createBucket('files', 'write-once');
  await assert.rejects(site.store.createBucket('files', 'versioned'), { code: 'bucket-kind-differs' });
  assert.equal(site.store.bucket('files')?.kind, 'write-once');
});

test('a bucket that becomes versioned takes other bytes, and one that becomes write-once none', async () => {
  await site.store.createBucket('moved', 'write-once');
  await site.put('moved', 'a', 'one');
  await site.store.setBucket('moved', { kind: 'versioned', quota: { objects: 5 } });
  await site.reopen();
  assert.deepEqual(
    { ...site.store.bucket('moved'), created: 0 },
    {
      ...{ name: 'moved', kind: 'versioned', created: 0 },
      quota: { objects: 5 },
    },
  );
  assert.equal(await site.put('moved', 'a', 'two'), 'replaced');
  await site.store.setBucket('moved', { keep: { versions: 3 } });
  await site.store.setBucket('moved', { kind: 'write-once' });
  await assert.rejects(site.put('moved', 'a', 'three'), taken);
  assert.deepEqual(
    [site.store.bucket('moved')?.keep, site.store.bucket('moved')?.kind],
    [undefined, 'write-once'],
  );
  await assert.rejects(site.store.createBucket('moved', 'versioned'), {
    code: 'bucket-kind-differs',
    message: /'sealgate bucket set moved --kind versioned' changes it/,
  });
  await assert.rejects(site.store.setBucket('moved', { keep: { versions: 1 } }), {
    code: 'bucket-kind-differs',
  });
});

test('a name needs a bucket and a committed blob', async () => {
  await assert.rejects(site.put('nobody', 'a', 'one'), { code: 'bucket-unknown' });
  const to = { digest: sha256('never stored'), mediaType: 'text/plain' };
  await assert.rejects(site.store.putRef('files', 'e', to), { code: 'not-found' });
  assert.equal(site.store.resolve('files', 'e'), undefined);
});

test('of many writers of one write-once name one wins, and the rest are told', async () => {
  const puts = Array.from({ length: 20 }, (_, i) => site.put('files', 'raced', `writer ${i}`));
  const outcomes = await Promise.allSettled(puts);
  const won = outcomes.filter(({ status }) => status === 'fulfilled');
  assert.equal(won.length, 1);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'name-taken');
  assert.equal((await versions('files', 'raced')).length, 1);
});

test('of many writers of one versioned name each becomes a version', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, i) => site.put('live', 'raced', `writer ${i}`)));
  const found = await versions('live', 'raced');
  assert.deepEqual(found.sort(), Array.from({ length: 20 }, (_, i) => sha256(`writer ${i}`)).sort());
});

test('many puts of the same bytes at once share one blob', async () => {
  const puts = Array.from({ length: 20 }, (_, i) => site.put('files', `same/${i}`, 'shared bytes'));
  assert.deepEqual(new Set(await Promise.all(puts)), new Set(['created']));
  assert.equal(site.store.blob(sha256('shared bytes'))?.size, 12);
  assert.deepEqual(await site.staged(), []);
});
