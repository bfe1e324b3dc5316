// The objects service: what every protocol can rely on when it changes a name.

import assert from 'node:assert/strict';
import { access, chmod, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { addon, type Conditions } from '../../src/native/addon.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import type { Receiving } from '../../src/objects/receiving.ts';
import { SharedObjects } from '../../src/objects/shared_objects.ts';
import type { Store } from '../../src/store/store.ts';
import { sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const epochs = new Epochs(addon);
// As a server has it.
const objects = new SharedObjects({
  ...{ store: site.store, epochs },
  firstRead: () => 'trust',
  maxObjectBytes: 100,
});
const unconditional: Conditions = {
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifUnmodifiedSince: undefined,
};
const live = (name: string) => ({ bucket: 'live', name });

/** The bytes arrive as the engine writes them: whole, hashed, in the staging file. */
async function arrive<Result>(body: Receiving<Result>, bytes: string): Promise<Result> {
  await writeFile(`${body.staging}.source`, bytes);
  return body.commit(addon.importFile(`${body.staging}.source`, body.staging));
}

const put = (name: string, bytes: string) =>
  arrive(objects.put(live(name), { conditions: unconditional }), bytes);

test('a put that replaces, a copy that replaces and a delete each move the epoch of the bucket', async () => {
  await put('moved', 'first');
  for (const change of [
    () => put('moved', 'second'),
    () => objects.copy({ digest: sha256('first') }, live('moved'), { conditions: unconditional }),
    () => objects.delete(live('moved'), unconditional),
  ]) {
    const before = epochs.ofBucket('live').epoch;
    await change();
    assert.equal(epochs.ofBucket('live').epoch, before + 1);
  }
});

test('a put of a new name moves no epoch: no plan can have been kept for it', async () => {
  const before = epochs.ofBucket('live').epoch;
  assert.equal((await put('new', 'x')).outcome, 'created');
  assert.equal(epochs.ofBucket('live').epoch, before);
});

test('a condition that held before the body and not after it refuses the commit', async () => {
  const conditions = { ...unconditional, ifNoneMatch: '*' };
  const late = objects.put(live('raced'), { conditions });
  await put('raced', 'faster');
  await assert.rejects(arrive(late, 'slower'), { code: 'precondition-failed' });
  assert.equal((await objects.head(live('raced'))).digest, sha256('faster'));
  assert.equal(site.store.blob(sha256('slower')), undefined);
});

test('a condition that does not hold refuses a body before it is received', async () => {
  await put('guarded', 'x');
  const conditions = { ...unconditional, ifMatch: '"other"' };
  assert.throws(() => objects.put(live('guarded'), { conditions }), { code: 'precondition-failed' });
});

test('of 16 puts, copies and deletes at once of one name, each sees the one before it', async () => {
  await put('many', 'start');
  const tag = `"${sha256('start')}"`;
  const conditions = { ...unconditional, ifMatch: tag };
  const puts = Array.from({ length: 8 }, (_, i) => ({ body: objects.put(live('many'), { conditions }), i }));
  const changes = [
    ...puts.map(({ body, i }) => arrive(body, `writer ${i}`)),
    ...Array.from({ length: 4 }, () =>
      objects.copy({ digest: sha256('first') }, live('many'), { conditions }),
    ),
    ...Array.from({ length: 4 }, () => objects.delete(live('many'), conditions)),
  ];
  const outcomes = await Promise.allSettled(changes);
  const done = outcomes.filter(({ status }) => status === 'fulfilled');
  assert.equal(done.length, 1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'precondition-failed');
  }
});

test('the staging file is gone when the commit has settled, done or refused', async () => {
  const digest = sha256('promised');
  for (const bytes of ['promised', 'other bytes']) {
    const body = objects.put(live('promise'), { conditions: unconditional, digest });
    await arrive(body, bytes).catch(({ code }) => assert.equal(code, 'digest-mismatch'));
    await assert.rejects(access(body.staging), { code: 'ENOENT' });
  }
  assert.equal((await objects.head(live('promise'))).digest, digest);
});

test('a deletion whose last question throws leaves the object', async () => {
  await put('needed', 'x');
  const needed = () => {
    throw new Error('it is needed');
  };
  await assert.rejects(objects.delete(live('needed'), unconditional, needed), /it is needed/);
  assert.equal((await objects.head(live('needed'))).digest, sha256('x'));
});

test('an unknown bucket, a name never written and a deleted name are three refusals', async () => {
  await put('deleted', 'x');
  await objects.delete(live('deleted'), unconditional);
  await assert.rejects(objects.head({ bucket: 'none', name: 'x' }), { code: 'bucket-unknown' });
  await assert.rejects(objects.head(live('never')), { code: 'not-found' });
  await assert.rejects(objects.head(live('deleted')), { code: 'name-deleted' });
});

test('during a switch of names look-ups wait from the commit until kept plans are stale', async () => {
  await put('switched', 'old');
  await put('other', 'new');
  let [committed, answer] = [() => {}, () => {}];
  const isCommitted = new Promise<void>((resolve) => (committed = resolve));
  const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
  // The disk has the commit, and the store has not said so yet.
  const switchNames: Store['switchNames'] = async (...its) => {
    const outcomes = await site.store.switchNames(...its);
    committed();
    await mayAnswer;
    return outcomes;
  };
  const slow = new Proxy(site.store, {
    get: (store, key: keyof Store) => {
      if (key === 'switchNames') return switchNames;
      const its = store[key];
      return typeof its === 'function' ? its.bind(store) : its;
    },
  });
  const late = new SharedObjects({ store: slow, epochs, firstRead: () => 'trust', maxObjectBytes: 100 });
  const before = epochs.ofBucket('live').epoch;
  const switched = late.switchNames('live', [{ name: 'switched', to: { digest: sha256('new') } }], undefined);
  await isCommitted;
  const looks = [
    late.get(live('switched')),
    late.head(live('switched')),
    late.list('live', { prefix: 'switched', after: '', limit: 1 }),
  ].map((look) => look.then(() => epochs.ofBucket('live').epoch));
  await setTimeout(20);
  answer();
  assert.deepEqual(await Promise.all(looks), [before + 1, before + 1, before + 1]);
  assert.deepEqual(await switched, [{ name: 'switched', outcome: 'replaced' }]);
  assert.equal((await late.head(live('switched'))).digest, sha256('new'));
});

async function damage(digest: string): Promise<void> {
  await chmod(site.blobPath(digest), 0o644);
  await writeFile(site.blobPath(digest), '!', { flag: 'r+' });
  await assert.rejects(objects.prove(digest, 'content'), { code: 'seal-broken' });
}

test('a forgotten and a withdrawn blob make every kept plan stale', async () => {
  for (const [bytes, end] of [
    ['to forget', (digest: string) => objects.forget(digest, 'test')],
    ['to withdraw', damage],
  ] as const) {
    await put('ending', bytes);
    const before = [epochs.ofBucket('files').epoch, epochs.ofDigests().epoch];
    await end(sha256(bytes));
    const moved = [epochs.ofBucket('files').epoch, epochs.ofDigests().epoch];
    assert.deepEqual(
      moved,
      before.map((epoch) => epoch + 1),
    );
  }
});
