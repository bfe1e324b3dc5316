// The scrubber reads every blob within its period, at its rate, and goes on where it was after a restart: by
// a clock that the test sets.

import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import type { Scrubber } from '../../src/store/scrubber.ts';
import { day, month, startScrub } from '../support/scrubber.ts';
import { TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const site = await TestStore.open();
after(() => site.remove());

const MiB = 2 ** 20;
const blobs = 8;
for (let i = 0; i < blobs; i++) await site.put('files', `${i}`, Buffer.alloc(MiB + i, i));
const bytes = blobs * MiB + 28;

const ended = (scrubber: Scrubber) => scrubber.status().last?.ended;

test('a pass reads each blob once, and takes as long as its bytes do at the rate', async () => {
  const { scrubber, clock, told } = await startScrub(site);
  clock.advance(day);
  await until(
    () => ended(scrubber),
    (at) => at !== undefined,
    'the pass ends',
  );
  const { last, pass, late, standing } = scrubber.status();
  assert.deepEqual([last?.blobs, last?.bytes, last?.found], [blobs, bytes, {}]);
  assert.deepEqual([pass, late, standing, told], [undefined, false, [], []]);
  const seconds = ((last?.ended ?? 0) - (last?.began ?? 0)) / 1000;
  // A blob counts as 1/16 MiB more, and so do the folders.
  assert.ok(seconds >= bytes / MiB + blobs / 16, `${seconds} s`);
  assert.ok(seconds <= bytes / MiB + (2 * blobs) / 16 + 1, `${seconds} s`);
  await scrubber.close();
});

test('the next pass begins a period after the one before began, and no earlier', async () => {
  const { scrubber, clock } = await startScrub(site);
  clock.advance(day);
  const first = await until(
    () => ended(scrubber),
    (at) => at !== undefined,
    'the pass ends',
  );
  const began = scrubber.status().last?.began ?? 0;
  clock.advance(month - 2 * day);
  await until(
    () => clock.date(),
    (at) => at > began + month - 2 * day,
    'the time passes',
  );
  assert.deepEqual([ended(scrubber), scrubber.status().pass], [first, undefined]);
  clock.advance(3 * day);
  await until(
    () => ended(scrubber),
    (at) => at !== first,
    'the next pass ends',
  );
  const next = scrubber.status().last?.began ?? 0;
  assert.ok(next >= began + month && next < began + month + day, `${next - began} ms`);
  await scrubber.close();
});

test('closed in the middle of a pass, another goes on behind the last blob that was read', async () => {
  const { scrubber, clock } = await startScrub(site);
  // Until it begins, and for three blobs and a half.
  const done = 3;
  clock.advance(60_000 + (done + 0.5) * 1000 * (1 + 1 / 16));
  await until(
    () => scrubber.status().pass?.blobs,
    (count) => count === done,
    'three blobs are read',
  );
  await scrubber.close();
  const next = await startScrub(site, {}, true);
  next.clock.advance(day);
  await until(
    () => ended(next.scrubber),
    (at) => at !== undefined,
    'the pass ends',
  );
  assert.equal(next.scrubber.status().last?.blobs, blobs);
  assert.equal(next.scrubber.counters().scrub_blobs, blobs - done);
  await next.scrubber.close();
});

test('a state file that is empty, cut off or of other fields: a pass begins anew', async () => {
  for (const text of ['', '{"pass":', '{"pass": {"began": "x"}, "standing": []}']) {
    await writeFile(`${site.root}/scrub.json`, text);
    const { scrubber, clock } = await startScrub(site, {}, true);
    clock.advance(day);
    await until(
      () => ended(scrubber),
      (at) => at !== undefined,
      'the pass ends',
    );
    assert.equal(scrubber.status().last?.blobs, blobs);
    await scrubber.close();
  }
  assert.equal(JSON.parse(await readFile(`${site.root}/scrub.json`, 'utf8')).last.blobs, blobs);
});

test('a clock that is set back by years: the next pass begins within a period', async () => {
  const { scrubber, clock } = await startScrub(site);
  clock.advance(day);
  const first = await until(
    () => ended(scrubber),
    (at) => at !== undefined,
    'the pass ends',
  );
  clock.set = -3650 * day;
  clock.advance(month + day);
  await until(
    () => ended(scrubber),
    (at) => at !== first,
    'the next pass ends',
  );
  await scrubber.close();
});

test('a clock that is set forward by years: one pass begins, and the next one a period later', async () => {
  const { scrubber, clock } = await startScrub(site);
  clock.advance(day);
  const first = await until(
    () => ended(scrubber),
    (at) => at !== undefined,
    'the pass ends',
  );
  clock.set = 3650 * day;
  clock.advance(day);
  const second = await until(
    () => ended(scrubber),
    (at) => at !== first,
    'the next pass ends',
  );
  const read = scrubber.counters().scrub_blobs;
  assert.equal(read, 2 * blobs);
  const before = clock.now();
  clock.advance(5 * day);
  await until(
    () => clock.now(),
    (now) => now > before + 4 * day,
    'the time passes',
  );
  assert.deepEqual([ended(scrubber), scrubber.counters().scrub_blobs], [second, read]);
  await scrubber.close();
});

test('a period that the rate does not allow: late, and passes follow each other', async () => {
  const { scrubber, clock } = await startScrub(site, { period: 2000 });
  clock.advance(8000);
  await until(
    () => scrubber.status().late,
    (late) => late,
    'it is late',
  );
  assert.equal(scrubber.counters().scrub_late, 1);
  clock.advance(40_000);
  await until(
    () => scrubber.counters().scrub_blobs ?? 0,
    (read) => read > 2 * blobs,
    'three passes',
  );
  await scrubber.close();
});

test('a state that cannot be written is told once, and passes go on', async () => {
  await rm(`${site.root}/scrub.json`);
  await mkdir(`${site.root}/scrub.json/full`, { recursive: true });
  const { scrubber, clock, troubles } = await startScrub(site, {}, true);
  clock.advance(3 * month);
  await until(
    () => scrubber.counters().scrub_blobs,
    (read) => read === 3 * blobs,
    'three passes',
  );
  await scrubber.close();
  assert.equal(troubles.length, 1, troubles.join());
  assert.match(troubles[0] ?? '', /how far it came cannot be written; a restart begins anew/);
  await rm(`${site.root}/scrub.json`, { recursive: true });
});
