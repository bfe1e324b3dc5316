// Collection of a shared store, over a real Ceph: what no record names is removed, and nothing else.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Marks } from '../../../src/upstream/tier_marks.ts';
import { Ceph } from '../../support/ceph.ts';
import { sha256 } from '../../support/sharing.ts';
import { OpenTier } from '../../support/tier.ts';
import { until } from '../../support/wait.ts';

const ceph = await Ceph.start();
const open = await OpenTier.at(ceph.url());
const { tier } = open;
const marks = new Marks((asked) => tier.send(asked));
after(async () => {
  await open.end();
  await ceph.end();
});

const status = async (key: string) => (await ceph.ask('HEAD', key)).status;
const blob = (text: string) => status(`sha256/${sha256(text)}`);
const mark = async (text: string) => (await marks.read(sha256(text)))?.state;
const names = ['a/b%20ü+&<>.txt', 'a b', '~', `${'long/'.repeat(60)}ü`];

/** Rounds until one is as expected. The grace time is a second: three seconds by the whole ones of HTTP. */
function rounds(expected: (round: Awaited<ReturnType<OpenTier['collect']>>) => boolean, what: string) {
  return until(() => open.collect(), expected, what);
}

test('blobs without a record of a name: the round ends, as if the records were not all there', async () => {
  await open.keep('first');
  const why = /upstream tier \(http:\/\/127\.0\.0\.1:\d+\/sealgate\/\): it has blobs and no record of a name/;
  await assert.rejects(open.collect(), why);
});

test('what nothing names is marked and, a grace time later, removed; what is named stays', async () => {
  for (const name of names) await open.put(name, name);
  await open.keep('unnamed');
  const begun = await open.collect();
  assert.deepEqual([begun.records, begun.blobs], [names.length, names.length + 2]);
  await until(
    async () => {
      await open.collect();
      return mark('unnamed');
    },
    (is) => is === 'candidate',
    'an unnamed blob is marked',
  );
  assert.equal(await blob('unnamed'), 200);
  await until(
    async () => {
      await open.collect();
      return [await blob('unnamed'), await blob('first')];
    },
    (both) => both.every((is) => is === 404),
    'both are gone',
  );
  assert.deepEqual([await mark('unnamed'), await mark('first')], [undefined, undefined]);
  for (const name of names) assert.equal(await blob(name), 200, name);
});

test('--dry-run tells what would be marked and removed, and writes nothing', async () => {
  await open.keep('dry');
  const dryRun = true;
  await until(
    () => open.collect({ dryRun }),
    ({ marked }) => marked.blobs === 1 && marked.bytes === 3,
    'it would be marked',
  );
  assert.equal(await mark('dry'), undefined);
  await rounds(({ marked }) => marked.blobs === 1, 'it is marked');
  await until(
    () => open.collect({ dryRun }),
    ({ removed }) => removed.blobs === 1 && removed.bytes === 3,
    'it would be removed',
  );
  assert.deepEqual([await mark('dry'), await blob('dry')], ['candidate', 200]);
});

test('a writer that finds the blob marked spares it, and a record of it takes the mark away', async () => {
  assert.deepEqual(Object.keys(await open.keep('dry')), ['since', 'date']);
  assert.equal(await mark('dry'), 'spared');
  await open.put('spared', 'dry');
  await until(
    async () => {
      await open.collect();
      return mark('dry');
    },
    (is) => is === undefined,
    'the mark is gone',
  );
  assert.equal(await blob('dry'), 200);
});

test('a writer that finds the blob condemned sends it to another place, which is collected too', async () => {
  await open.keep('condemned');
  const digest = sha256('condemned');
  await marks.begin(digest);
  const candidate = await marks.read(digest);
  assert.ok(candidate);
  const at = await marks.turn(digest, candidate, 'condemned');
  assert.ok(at);
  const { place } = await open.keep('condemned');
  assert.match(place ?? '', /^[0-9a-f]{16}$/);
  assert.equal((await ceph.ask('GET', `sha256/${digest}.${place}`)).body, 'condemned');
  // Whoever condemned it was killed: it is a candidate again, and goes after another grace time.
  await until(
    async () => {
      await open.collect();
      return [await status(`sha256/${digest}`), await status(`sha256/${digest}.${place}`)];
    },
    (both) => both.every((is) => is === 404),
    'both places are free',
  );
  assert.equal(await mark('condemned'), undefined);
});

test('a mark without its blob, as of one killed after the deletion, is removed', async () => {
  const digest = sha256('never there');
  await marks.begin(digest);
  assert.equal(await mark('never there'), 'candidate');
  await until(
    async () => {
      await open.collect();
      return mark('never there');
    },
    (is) => is === undefined,
    'the mark is gone',
  );
});

test('a condemned or spared mark stays while a deletion may come, and the grace time longer', async () => {
  const states = ['condemned', 'spared'] as const;
  for (const state of states) {
    const digest = sha256(`is ${state}`);
    await open.keep(`is ${state}`);
    await marks.begin(digest);
    const begun = await marks.read(digest);
    assert.ok(begun && (await marks.turn(digest, begun, state)));
  }
  // Old when this one is, which is younger than both: its blob is gone first.
  await open.keep('is younger');
  await marks.begin(sha256('is younger'));
  await until(
    async () => {
      await open.collect({ deletionSeconds: 3600 });
      return blob('is younger');
    },
    (is) => is === 404,
    'a candidate is removed',
  );
  for (const state of states) {
    await open.collect({ deletionSeconds: 3600 });
    assert.deepEqual([await mark(`is ${state}`), await blob(`is ${state}`)], [state, 200]);
  }
  await until(
    async () => {
      await open.collect();
      return Promise.all(states.map((state) => blob(`is ${state}`)));
    },
    (both) => both.every((is) => is === 404),
    'both are removed',
  );
});

test('a deletion that arrives after it counts is refused by the store', async () => {
  await open.keep('late');
  const path = `sha256/${sha256('late')}`;
  const late = marks.delete(path, { from: Date.now() - 30_000, seconds: 8 });
  await assert.rejects(late, { code: 'sharing-failed' });
  assert.equal(await blob('late'), 200);
  await marks.delete(path, { from: Date.now(), seconds: 30 });
  assert.equal(await blob('late'), 404);
});

test('a blob of a name that ended 16 minutes ago is removed, and one of 10 minutes stays', async () => {
  const about = { format: 1 as const, version: 1, created: 1, mediaType: 'text/plain', size: 5 };
  const ending = async (name: string, text: string, minutes: number) => {
    await open.keep(text);
    const expires = Date.now() + minutes * 60_000;
    const record = { ...about, stamp: name, digest: sha256(text), expires };
    await tier.write({ bucket: 'web', name }, record, undefined);
  };
  await ending('ended', 'ended', -16);
  await ending('ends', 'ended just now', -10);
  await until(
    async () => {
      await open.collect();
      return blob('ended');
    },
    (is) => is === 404,
    'it is gone',
  );
  assert.equal(await blob('ended just now'), 200);
});

test('another grace time than the recorded one is refused, and taken where it is to change', async () => {
  const why = /the grace time of this store is 1 s \(gc\/state\), and "gc\.shared\.graceSeconds" is 2:/;
  await assert.rejects(open.collect({ graceSeconds: 2 }), why);
  await open.collect({ graceSeconds: 2, changesGrace: true });
  await assert.rejects(open.collect(), /is 2 s/);
  await open.collect({ changesGrace: true });
});

test('a round is skipped when another began lately', async () => {
  const { skipped, records } = await open.collect({ unlessWithin: 60 });
  assert.deepEqual([skipped, records], [true, 0]);
});

test('a record that cannot be read ends the round', async () => {
  await ceph.ask('PUT', 'refs/web/broken', '{"format":2}');
  await assert.rejects(open.collect(), /GET refs\/web\/broken: this record cannot be read/);
  await ceph.ask('DELETE', 'refs/web/broken');
});

test('1100 names and 1101 blobs, which are more than a page, are all seen', async () => {
  const left = Array.from({ length: 1100 }, (_, index) => `many/${index}`);
  const work = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await open.put(next, next);
  };
  await Promise.all(Array.from({ length: 12 }, work));
  const before = await open.collect();
  await open.keep('one more');
  const { records, blobs } = await open.collect();
  assert.deepEqual([records, blobs], [before.records, before.blobs + 1]);
  assert.ok(records >= 1100);
});
