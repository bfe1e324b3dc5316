// What the scrubber does about what it finds: damage is withdrawn, what cannot be reached is told and not
// condemned, files without a record are taken up, and what is not the store's is left alone.

import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { month, passOf, type Scrub, startScrub } from '../support/scrubber.ts';
import { sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

let site: TestStore;
beforeEach(async () => {
  site = await TestStore.open();
  for (const bytes of ['right', 'other']) await site.put('files', bytes, bytes);
});
afterEach(() => site.remove());

const path = (bytes: string) => site.blobPath(sha256(bytes));
const recorded = async (bytes: string) => site.store.recorded(sha256(bytes));

async function place(bytes: string, content = bytes): Promise<void> {
  await mkdir(dirname(path(bytes)), { recursive: true });
  await writeFile(path(bytes), content, { mode: 0o444 });
}

async function damage(bytes: string): Promise<void> {
  await chmod(path(bytes), 0o644);
  await writeFile(path(bytes), bytes.toUpperCase());
  await chmod(path(bytes), 0o444);
}

const states = ({ told }: Scrub) => told.map(({ state, digest }) => [state, digest]);
/** Long after whatever the test has written. */
const later = 400 * month;

test('a damaged blob is withdrawn, once, and what is right stays', async () => {
  await damage('right');
  const scrub = await startScrub(site);
  assert.deepEqual(await passOf(scrub), { damaged: 1 });
  assert.deepEqual(states(scrub), [['damaged', sha256('right')]]);
  assert.match(scrub.told[0]?.detail ?? '', new RegExp(`it has SHA-256 ${sha256('RIGHT')}`));
  await assert.rejects(recorded('right'), { code: 'seal-broken' });
  assert.equal((await recorded('other')).size, 5);
  assert.equal((await site.quarantined()).length, 1);
  assert.deepEqual(await passOf(scrub, month), {});
  assert.equal(scrub.told.length, 1);
  await scrub.close();
});

test('a blob of another size, and one in whose place is no file, are withdrawn', async () => {
  await rm(path('right'));
  await place('right', 'longer than right');
  await rm(path('other'));
  await symlink('/etc/hostname', path('other'));
  const scrub = await startScrub(site);
  assert.deepEqual(await passOf(scrub), { damaged: 2 });
  for (const bytes of ['right', 'other']) await assert.rejects(recorded(bytes), { code: 'seal-broken' });
  await scrub.close();
});

test('wrong when read and right when proved: told, and not withdrawn', async () => {
  await damage('right');
  const scrub = await startScrub(site, { doubt: async () => {} });
  assert.deepEqual(await passOf(scrub), { unsteady: 1 });
  assert.equal((await recorded('right')).size, 5);
  await scrub.close();
});

test('damaged and forgotten before it is proved: no finding', async () => {
  await damage('right');
  const doubt = async (digest: string) => {
    await site.store.forget(digest, 'why');
    return site.store.prove(digest, 'disk');
  };
  const scrub = await startScrub(site, { doubt });
  assert.deepEqual(await passOf(scrub), {});
  await scrub.close();
});

test('a missing and an unreadable blob: told once, not condemned, no fault once they are back', async () => {
  await rename(path('right'), `${site.dir}/kept`);
  // A file in the place of its folder: lstat(2) fails with ENOTDIR.
  const folder = dirname(path('other'));
  await rename(folder, `${site.dir}/folder`);
  await writeFile(folder, '');
  const scrub = await startScrub(site);
  assert.deepEqual(await passOf(scrub), { missing: 1, unreadable: 1, foreign: 1 });
  const { standing } = scrub.scrubber.status();
  assert.deepEqual(standing.map(({ state }) => state).sort(), ['foreign', 'missing', 'unreadable']);
  for (const bytes of ['right', 'other']) assert.equal((await recorded(bytes)).size, 5);
  assert.deepEqual(await passOf(scrub, month), { missing: 1, unreadable: 1, foreign: 1 });
  assert.equal(scrub.told.length, 3);

  await rename(`${site.dir}/kept`, path('right'));
  await rm(folder);
  await rename(`${site.dir}/folder`, folder);
  scrub.clock.advance(2 * 3_600_000);
  await until(
    () => scrub.scrubber.status().standing.map(({ state }) => state),
    (left) => !left.includes('missing') && !left.includes('unreadable'),
    'the blobs are back',
  );
  await passOf(scrub, month);
  assert.deepEqual(scrub.scrubber.status().standing, []);
  await scrub.close();
});

test('faults stand over a restart, and are not told again', async () => {
  await rm(path('right'));
  const scrub = await startScrub(site);
  await passOf(scrub);
  await scrub.close();
  const next = await startScrub(site, {}, true);
  await passOf(next, 2 * month);
  assert.deepEqual(next.told, []);
  assert.equal(next.scrubber.counters()['scrub_standing.missing'], 1);
  await next.close();
});

test('the store is away in the middle of a pass: nothing is told of its blobs, and it goes on', async () => {
  const blobs = join(site.root, 'blobs/sha256');
  await rename(blobs, `${site.dir}/away`);
  let looks = 0;
  const away = async () => {
    if (looks++ < 5) return 'the disk is not mounted';
    await rename(`${site.dir}/away`, blobs).catch(() => {});
    return undefined;
  };
  const scrub = await startScrub(site, { away });
  assert.deepEqual(await passOf(scrub), {});
  assert.deepEqual(scrub.told, []);
  assert.deepEqual(scrub.troubles, ['it waits for the store: the disk is not mounted']);
  assert.equal(scrub.scrubber.status().trouble, undefined);
  await scrub.close();
});

test('a wrong mode is set right, and the blob served', async () => {
  await chmod(path('right'), 0o644);
  const scrub = await startScrub(site);
  assert.deepEqual(await passOf(scrub), { 'wrong-mode': 1 });
  assert.equal((await stat(path('right'))).mode & 0o7777, 0o444);
  assert.equal((await site.store.prove(sha256('right'))).level, 'L1');
  await scrub.close();
});

test('files without a record: young ones stay, old ones are taken up if they are right', async () => {
  await place('orphan');
  await place('liar', 'other bytes');
  const young = await startScrub(site);
  young.clock.set = Date.now() - young.clock.date();
  assert.deepEqual(await passOf(young, 1000 * 3600), {});
  await young.close();
  const scrub = await startScrub(site);
  scrub.clock.set = later;
  assert.deepEqual(await passOf(scrub), { adopted: 1, misplaced: 1 });
  assert.equal((await site.store.prove(sha256('orphan'))).level, 'L1');
  assert.equal(site.store.blob(sha256('liar')), undefined);
  assert.deepEqual(
    (await site.quarantined()).map((name) => name.split('.')[0]),
    [sha256('liar')],
  );
  await site.reopen();
  assert.equal(site.store.blob(sha256('orphan'))?.size, 6);
  await scrub.close();
});

test('the file of a forgotten blob is removed; a right one of a withdrawn blob gives it back', async () => {
  await site.store.forget(sha256('right'), 'why');
  await place('right');
  await site.store.quarantine(sha256('other'), 'content');
  await place('other');
  const scrub = await startScrub(site);
  scrub.clock.set = later;
  assert.deepEqual(await passOf(scrub), { removed: 1, adopted: 1 });
  await assert.rejects(recorded('right'), { code: 'content-forgotten' });
  await assert.rejects(stat(path('right')), { code: 'ENOENT' });
  assert.equal((await site.store.prove(sha256('other'))).level, 'L1');
  await scrub.close();
});

test('a file without a record taken up beside an upload of its bytes: both end with one blob', async () => {
  for (let round = 0; round < 200; round++) {
    const bytes = `raced ${round}`;
    await place(bytes);
    const [adopted] = await Promise.all([
      site.store.adopt(sha256(bytes)),
      site.put('files', bytes, bytes),
      site.store.adopt(sha256(bytes)),
    ]);
    assert.ok(['adopted', 'nothing'].includes(adopted), adopted);
    assert.equal((await site.store.prove(sha256(bytes))).level, 'L1');
  }
  assert.deepEqual(await site.quarantined(), []);
});

test('foreign files are named once and left alone, whatever they are', async () => {
  const blobs = join(site.root, 'blobs');
  const foreign = [
    join(blobs, 'notes.txt'),
    join(blobs, 'sha256', 'README'),
    join(blobs, 'sha256', 'zz'),
    join(dirname(dirname(path('right'))), 'file'),
    join(dirname(path('right')), '.DS_Store'),
    join(dirname(path('right')), sha256('elsewhere')),
    join(dirname(path('right')), `${sha256('right')}.bak`),
  ];
  for (const file of foreign) await writeFile(file, 'foreign');
  await mkdir(path('folder'), { recursive: true });
  foreign.push(path('folder'));
  const scrub = await startScrub(site);
  scrub.clock.set = later;
  assert.deepEqual(await passOf(scrub), { foreign: foreign.length });
  assert.deepEqual(scrub.told.map((finding) => finding.path).sort(), foreign.sort());
  await passOf(scrub, month);
  assert.equal(scrub.told.length, foreign.length);
  for (const file of foreign) await stat(file);
  assert.equal((await readdir(join(site.root, 'quarantine'))).length, 0);
  await scrub.close();
});
