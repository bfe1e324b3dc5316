// Metadata that were cut short, overwritten, emptied or lost are refused with a sentence, and `sealgate
// rebuild` makes them anew from the journal and the blobs.

import assert from 'node:assert/strict';
import { copyFile, mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../src/store/content_store.ts';
import { parseFrame } from '../../src/store/journal.ts';
import { replaceJournal } from '../../src/store/new_journal.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { allNames, sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const cli = (...args: string[]) => outcome(spawnCli([...args, '--store', site.root]));
const data = join(site.root, 'meta/data.mdb');
const journal = join(site.root, 'journal');

const names = Array.from({ length: 300 }, (_, n) => `name ${n}`);
await Promise.all(names.map((name) => site.put('files', name, `bytes of ${name}`)));
await site.put('live', 'page', 'first');
await site.put('live', 'page', 'second');
await site.put('live', 'gone', 'gone');
await site.store.deleteRef('live', 'gone');

function assertAllThere(): void {
  assert.deepEqual(allNames(site.store, 'files'), [...names].sort());
  assert.deepEqual(allNames(site.store, 'live'), ['page']);
  const page = site.store.resolve('live', 'page');
  assert.ok(page && !page.deleted);
  assert.deepEqual([page.version, page.digest], [2, sha256('second')]);
  assert.equal(site.store.resolve('live', 'gone')?.deleted, true);
}

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

const damages: Record<string, [() => Promise<void>, RegExp]> = {
  'cut in half': [async () => truncate(data, (await stat(data)).size / 2), /damaged: it/],
  'cut within its first page': [() => truncate(data, 100), /damaged: it is cut short/],
  'overwritten from its third page on': [
    async () => overwrite(data, 8192, Buffer.alloc((await stat(data)).size - 8192, 0x5a)),
    /damaged: page \d+ is overwritten/,
  ],
  'overwritten with zeros': [
    async () => overwrite(data, 0, Buffer.alloc(8192)),
    /damaged: what is at byte 0 is no meta page/,
  ],
  emptied: [() => truncate(data, 0), /the metadata are empty/],
  removed: [() => rm(data), /the metadata are (empty|missing)/],
};

for (const [damage, [harm, sentence]] of Object.entries(damages)) {
  test(`metadata that are ${damage} are refused and rebuilt`, async () => {
    await site.store.close();
    await harm();
    for (const args of [
      ['ls', 'files'],
      ['bucket', 'create', 'other'],
    ]) {
      const { status, stderr } = await cli(...args);
      assert.equal(status, 1, stderr);
      assert.match(stderr, sentence);
      assert.match(stderr, /sealgate rebuild/);
    }
    const rebuilt = await cli('rebuild');
    assert.equal(rebuilt.status, 0, rebuilt.stderr);
    site.store = await openStore({ root: site.root });
    assertAllThere();
  });
}

test('a blob that the journal does not know is recorded, and one with other bytes is withdrawn', async () => {
  const lost = sha256('stored by a commit of its own');
  await site.put('files', 'lost', 'stored by a commit of its own');
  await site.store.close();
  const lines = (await readFile(journal, 'utf8')).split('\n');
  await writeFile(journal, lines.filter((line) => !line.includes(lost)).join('\n'));
  const stranger = site.blobPath(sha256('something'));
  await mkdir(join(stranger, '..'), { recursive: true });
  await writeFile(stranger, 'something else');
  const { stdout } = await cli('rebuild');
  assert.match(stdout, /1 files are not what their names say/);
  site.store = await openStore({ root: site.root });
  assert.ok(site.store.blob(lost));
  assert.equal(site.store.blob(sha256('something')), undefined);
});

test('a torn last line and a damaged line of the journal cost what they said, and nothing else', async () => {
  const before = allNames(site.store, 'files').length;
  await site.put('files', 'damaged', 'damaged');
  await site.put('files', 'whole', 'whole');
  await site.store.close();
  const text = await readFile(journal, 'utf8');
  const line = text.split('\n').find((each) => each.includes('["files","damaged",1]')) ?? '';
  await writeFile(journal, `${text.replace(line, line.replace('damaged', 'DAMAGED'))}0000ffff 01234567`);
  const { stdout } = await cli('rebuild');
  assert.match(stdout, /2 lines of the journal are not whole/);
  site.store = await openStore({ root: site.root });
  const names = allNames(site.store, 'files');
  assert.deepEqual([names.length, names.includes('whole')], [before + 1, true]);
});

test('a journal that lacks the last commit is completed, one that is lost is written anew', async () => {
  await site.put('files', 'last of all', 'last of all');
  await site.store.close();
  const text = await readFile(journal, 'utf8');
  for (const left of [text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1), text.slice(0, -10), '']) {
    await writeFile(journal, left);
    await (await openStore({ root: site.root })).close();
    assert.match(await readFile(journal, 'utf8'), /"last of all",1\]/);
  }
  await copyFile(data, `${data}.kept`);
  await truncate(data, 0);
  assert.equal((await cli('rebuild')).status, 0);
  site.store = await openStore({ root: site.root });
  assert.equal(site.store.resolve('files', 'last of all')?.deleted, false);
});

/** Puts data.mdb back as it is now, once names were put. Resolves with what opening the store says. */
async function openWithOlder(names: string[], meanwhile: () => Promise<void> = async () => {}) {
  await site.store.close();
  await copyFile(data, `${data}.old`);
  site.store = await openStore({ root: site.root });
  for (const name of names) await site.put('files', name, name);
  await site.store.close();
  await copyFile(`${data}.old`, data);
  await meanwhile();
  const said: string[] = [];
  site.store = await openStore({ root: site.root, onNotice: (sentence) => said.push(sentence) });
  return said.join('\n');
}

async function sequences(): Promise<number[]> {
  const lines = (await readFile(journal, 'utf8')).split('\n');
  return lines.filter((line) => line !== '').map((line) => parseFrame(line)?.sequence ?? Number.NaN);
}

const isThere = (name: string) => site.store.resolve('files', name)?.deleted === false;

test('metadata older than the journal get what it has, and no number is used again', async () => {
  const newer = ['newer one', 'newer two', 'newer three'];
  const said = await openWithOlder(newer);
  assert.match(said, /as when an older data.mdb is put back: 9 changes were taken from the journal$/);
  assert.ok(newer.every(isThere));
  const before = await sequences();
  await site.put('files', 'newer four', 'newer four');
  const [last = 0, ...next] = (await sequences()).slice(before.length - 1);
  assert.deepEqual(next, [last + 1]);
  await site.reopen();
  assert.ok([...newer, 'newer four'].every(isThere));
});

test('metadata that lack the last frame of the journal, as after a kill, get it without a word', async () => {
  await site.put('files', 'older', 'behind by one');
  await site.store.close();
  await copyFile(data, `${data}.old`);
  site.store = await openStore({ root: site.root });
  const digest = sha256('behind by one');
  await site.store.putRef('files', 'behind by one', { digest, mediaType: 'text/plain' });
  await site.store.close();
  await copyFile(`${data}.old`, data);
  site.store = await openStore({ root: site.root, onNotice: (said) => assert.fail(said) });
  assert.ok(isThere('behind by one'));
});

test('metadata older than a journal that was written anew since get all that they lack', async () => {
  const rewrite = async () => {
    const frames = (await readFile(journal, 'utf8')).split('\n').flatMap((line) => parseFrame(line) ?? []);
    const [{ store = '', sequence = 0 } = {}] = frames.slice(-1);
    await replaceJournal(
      journal,
      { store, sequence },
      frames.flatMap(({ records }) => records),
    );
  };
  const said = await openWithOlder(['rewritten one', 'rewritten two'], rewrite);
  assert.match(said, /6 changes were taken/);
  assert.ok(['rewritten one', 'rewritten two'].every(isThere));
});

test('a rebuild is refused while a process writes', async () => {
  const { status, stderr } = await cli('rebuild');
  assert.equal(status, 1);
  assert.match(stderr, /has this store open for writing/);
  assert.ok(allNames(site.store, 'files').length > 0);
});

test('a rebuild that did not end goes on from what it began with', async () => {
  await site.store.close();
  await mkdir(join(site.root, 'meta/rebuilding'));
  await rename(journal, join(site.root, 'meta/rebuilding/journal'));
  await rename(data, join(site.root, 'meta/rebuilding/data.mdb'));
  await writeFile(data, 'half');
  await assert.rejects(openStore({ root: site.root }), /a rebuild of this store has not ended/);
  assert.equal((await cli('rebuild')).status, 0);
  site.store = await openStore({ root: site.root });
  assert.equal(site.store.resolve('files', 'last of all')?.deleted, false);
});

test('blobs that are not mounted, and those of another store, are refused', async () => {
  await site.store.close();
  const blobs = join(site.root, 'blobs');
  await rename(blobs, `${blobs}.kept`);
  await assert.rejects(openStore({ root: site.root }), /there are metadata, and no blobs/);
  await rm(blobs, { recursive: true });
  await rename(`${blobs}.kept`, blobs);
  const id = await readFile(join(blobs, 'id'), 'utf8');
  await writeFile(join(blobs, 'id'), 'another\n');
  await assert.rejects(openStore({ root: site.root }), /these are the blobs of store another/);
  await writeFile(join(blobs, 'id'), id);
  site.store = await openStore({ root: site.root });
});
