// A store of format 1 gets what format 2 has when it is opened for writing: what keeps each blob is found
// from then on, in the metadata and in the journal. A reader changes nothing.

import assert from 'node:assert/strict';
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { type Hold, holdsOf } from '../../src/store/holds.ts';
import { Metadata } from '../../src/store/metadata.ts';
import { rebuildStore } from '../../src/store/rebuild.ts';
import { makeFormat1 } from '../support/format_1.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const format = join(site.root, 'format');
const formatNow = () => readFile(format, 'utf8');

await site.put('files', 'first', 'shared');
await site.put('live', 'page', 'old');
await site.put('live', 'page', 'shared');
await site.put('live', 'gone', 'gone');
await site.store.deleteRef('live', 'gone');
await site.put('live', 'nameless', 'nameless');
await site.put('live', 'withdrawn', 'withdrawn');
await site.store.quarantine(sha256('withdrawn'), 'it was damaged');

async function holds(bytes: string): Promise<string[]> {
  const meta = await Metadata.reader(site.root);
  const found = [...holdsOf(meta, sha256(bytes))].map(shown);
  await meta.close();
  return found;
}

function shown(hold: Hold): string {
  return hold.kind === 'name' ? `${hold.bucket}/${hold.name} ${hold.version}` : hold.kind;
}

const expected = {
  shared: ['files/first 1', 'live/page 2'],
  old: ['live/page 1'],
  gone: ['live/gone 1'],
  nameless: ['live/nameless 1'],
  withdrawn: ['live/withdrawn 1'],
};

async function assertAllHeld(): Promise<void> {
  for (const [bytes, names] of Object.entries(expected)) assert.deepEqual(await holds(bytes), names);
}

test('every version of a name is written with what keeps its blob', async () => {
  await site.store.close();
  await assertAllHeld();
});

test('a reader of a store of format 1 reads it and changes nothing', async () => {
  await makeFormat1(site.root);
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.deepEqual(allNames(reader, 'live'), ['nameless', 'page', 'withdrawn']);
  assert.equal((await reader.prove(sha256('shared'))).level, 'L1');
  await reader.close();
  assert.equal(await formatNow(), 'sealgate store 1\n');
  assert.deepEqual(await holds('shared'), []);
});

test('a writer upgrades it and says so, and opened again there is nothing to do', async () => {
  const said: string[] = [];
  const open = () => openStore({ root: site.root, onNotice: (sentence) => said.push(sentence) });
  await (await open()).close();
  assert.match(said[0] ?? '', /store: upgraded to format 2: \d+ records looked at, 6 entries added$/);
  assert.equal(await formatNow(), 'sealgate store 2\n');
  await assertAllHeld();
  await (await open()).close();
  assert.match(said[1] ?? '', /store: counted what buckets keep: \d+ versions of names$/);
  assert.equal(said.length, 2);
});

test('an upgrade that did not end is gone on with, and readers read meanwhile', async () => {
  await makeFormat1(site.root);
  await writeFile(format, 'sealgate store 1, upgrading to 2\n');
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.deepEqual(allNames(reader, 'files'), ['first']);
  await reader.close();
  await (await openStore({ root: site.root })).close();
  assert.equal(await formatNow(), 'sealgate store 2\n');
  await assertAllHeld();
});

test('the metadata of format 1 put back get what keeps the blobs from the journal', async () => {
  await makeFormat1(site.root);
  const data = join(site.root, 'meta/data.mdb');
  await copyFile(data, `${data}.older`);
  await (await openStore({ root: site.root })).close();
  await copyFile(`${data}.older`, data);
  await (await openStore({ root: site.root })).close();
  await assertAllHeld();
});

test('a rebuild from the journal of format 1 has what keeps the blobs', async () => {
  await makeFormat1(site.root);
  await truncate(join(site.root, 'meta/data.mdb'), 0);
  await rebuildStore(site.root);
  assert.equal(await formatNow(), 'sealgate store 2\n');
  await assertAllHeld();
});

test('a line of the journal that is lost costs no blob what keeps it', async () => {
  const journal = join(site.root, 'journal');
  const text = await readFile(journal, 'utf8');
  const lost = text.replaceAll('["holds",', '["Holds",');
  assert.notEqual(lost, text);
  await writeFile(journal, lost);
  await truncate(join(site.root, 'meta/data.mdb'), 0);
  await rebuildStore(site.root);
  const names = await holds('shared');
  site.store = await openStore({ root: site.root });
  for (const name of allNames(site.store, 'live')) {
    const ref = site.store.resolve('live', name);
    assert.ok(ref && !ref.deleted && (await holds(name === 'page' ? 'shared' : name)).length > 0, name);
  }
  assert.ok(names.length > 0);
});

test('a blob that no name points at is kept as found', async () => {
  const staging = site.store.stagingPath();
  await writeFile(staging, 'by digest', { mode: 0o444 });
  await site.store.commitBlob(staging, { digest: sha256('by digest'), size: 9 });
  assert.deepEqual(await holds('by digest'), ['upload']);
  await site.store.close();
  await makeFormat1(site.root);
  site.store = await openStore({ root: site.root });
  assert.deepEqual(await holds('by digest'), ['found']);
});

test('a newer format is refused by name, by readers and writers, with what to do', async () => {
  await site.store.close();
  await writeFile(format, 'sealgate store 3\n');
  const message =
    `${format}: expected "sealgate store 2", found "sealgate store 3"; ` +
    'format 3 is of a newer version of sealgate: open the store with that version';
  for (const readOnly of [true, false])
    await assert.rejects(openStore({ root: site.root, readOnly }), { message });
  await writeFile(format, 'sealgate store 2\n');
  site.store = await openStore({ root: site.root });
});
