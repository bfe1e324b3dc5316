// A backup of a store that is written to meanwhile is a store: it has all that was acknowledged before.

import assert from 'node:assert/strict';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type BackupResult, backUp, removeOthers } from '../../src/store/backup.ts';
import { openStore } from '../../src/store/content_store.ts';
import { blobPath, putBytes, sha256, TestStore } from '../support/store.ts';

const site = await TestStore.open();
const to = join(site.dir, 'backup');
after(() => site.remove());

/** As the command does it beside a server: by a reader of its own. */
async function backup(folder = to): Promise<BackupResult> {
  const reader = await openStore({ root: site.root, readOnly: true });
  return backUp(reader, folder).finally(() => reader.close());
}

/** Opens a copy of the backup for writing, as a server that takes its place does, and looks each name up. */
async function checkRestored(names: Iterable<string>, backup = to): Promise<void> {
  const folder = `${backup}-restored`;
  await cp(backup, folder, { recursive: true, preserveTimestamps: true });
  const restored = await openStore({ root: folder });
  try {
    for (const name of names) {
      const ref = restored.resolve('live', name);
      assert.ok(ref?.deleted === false, `${name} is lost`);
      await restored.prove(ref.digest);
      assert.equal(await readFile(blobPath(folder, ref.digest), 'utf8'), name);
    }
    assert.equal(await putBytes(restored, 'live', 'after', 'after'), 'created');
  } finally {
    await restored.close();
    await rm(folder, { recursive: true });
  }
}

test('200 objects, others written meanwhile: the backup has the 200 and opens for writing', async () => {
  const before = Array.from({ length: 200 }, (_, i) => `before ${i}`);
  for (const name of before) await site.put('live', name, name);
  let isUnderWay = true;
  let written = 0;
  const writing = (async () => {
    while (isUnderWay) {
      const name = `meanwhile ${written++}`;
      await site.put('live', name, name);
    }
  })();
  const { failures, copied } = await backup();
  isUnderWay = false;
  await writing;
  assert.deepEqual(failures, []);
  assert.ok(copied >= 200);
  await checkRestored(before);
});

test('a journal that is written anew meanwhile: the metadata are copied once more', async () => {
  const reader = await openStore({ root: site.root, readOnly: true });
  const journal = join(site.root, 'journal');
  let copies = 0;
  const copyMetadata = async (folder: string) => {
    await reader.copyMetadata(folder);
    if (copies++ > 0) return;
    await copyFile(journal, `${journal}.other`);
    await rename(`${journal}.other`, journal);
  };
  const store = new Proxy(reader, {
    get: (target, name) => {
      const value: unknown = name === 'copyMetadata' ? copyMetadata : Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await site.store.close();
  await backUp(store, to).finally(() => reader.close());
  assert.equal(copies, 2);
  site.store = await openStore({ root: site.root });
  await checkRestored(['before 0']);
});

test('again, after it was opened and written to: only new blobs are copied', async () => {
  await site.put('live', 'later', 'later');
  const { blobs, copied } = await backup();
  assert.ok(copied < blobs / 2, `${copied} of ${blobs}`);
  await checkRestored(['before 0', 'later']);
});

test('a folder with other files, and the backup of another store, are refused unchanged', async () => {
  const foreign = join(site.dir, 'foreign');
  await mkdir(foreign);
  await writeFile(join(foreign, 'file'), 'x');
  await assert.rejects(backup(foreign), /is no backup of .*; name one, or a folder that is empty/);
  assert.deepEqual(await readdir(foreign), ['file']);
  const other = await TestStore.open();
  await other.put('live', 'a', 'a');
  await assert.rejects(backup(other.root), /is no backup of/);
  await other.remove();
});

test('a blob whose bytes are wrong is reported, and no file of it is in the backup', async () => {
  await site.put('live', 'damaged', 'damaged');
  const path = site.blobPath(sha256('damaged'));
  await chmod(path, 0o644);
  await writeFile(path, 'DAMAGED', { flag: 'r+' });
  const { failures } = await backup();
  assert.deepEqual(
    failures.map(({ digest }) => digest),
    [sha256('damaged')],
  );
  assert.match(failures[0]?.reason ?? '', /is damaged: it has SHA-256/);
  await assert.rejects(stat(blobPath(to, sha256('damaged'))), { code: 'ENOENT' });
});

test('killed before its end: the earlier backup stays whole, the next is complete', async () => {
  await site.put('live', 'half', 'half');
  // What a killed command leaves: the new metadata beside the old ones, and a partial file.
  await mkdir(join(to, 'meta.new'));
  await writeFile(join(to, 'meta.new/data.mdb'), 'cut');
  await writeFile(join(to, 'journal.new'), 'cut');
  await checkRestored(['later']);
  await backup();
  await checkRestored(['later', 'half']);
  assert.deepEqual(
    (await readdir(to)).filter((name) => name.includes('new')),
    [],
  );
});

test('a first backup that was killed: the folder is refused as a store', async () => {
  const partial = join(site.dir, 'partial');
  await backup(partial);
  for (const name of ['meta', 'format', 'journal']) await rm(join(partial, name), { recursive: true });
  await assert.rejects(openStore({ root: partial }), /metadata/);
  await backup(partial);
  await checkRestored(['half'], partial);
});

test('what the store has collected or forgotten since is removed from a backup on demand', async () => {
  const gone = ['forgotten later', 'collected later'];
  for (const name of gone) await site.put('live', name, name);
  await backup();
  await site.store.forget(sha256('forgotten later'), 'a test');
  await site.store.setBucket('live', { keep: { versions: 0 } });
  await site.store.deleteRef('live', 'collected later');
  await site.store.collect({ graceMs: 0 });
  await backup();
  for (const name of gone) await stat(blobPath(to, sha256(name)));
  const reader = await openStore({ root: site.root, readOnly: true });
  assert.equal(await removeOthers(reader, to).finally(() => reader.close()), gone.length);
  for (const name of gone) await assert.rejects(stat(blobPath(to, sha256(name))), { code: 'ENOENT' });
  await checkRestored(['before 0', 'half']);
});

test('a backup that was opened for writing is not overwritten: what was stored in it stays', async () => {
  const folder = join(site.dir, 'standby');
  await backup(folder);
  const standby = await openStore({ root: folder });
  await assert.rejects(backup(folder), /was opened for writing since it was made/);
  await putBytes(standby, 'live', 'failover', 'failover');
  await standby.close();
  await assert.rejects(backup(folder), /was opened for writing since it was made/);
  const again = await openStore({ root: folder });
  assert.equal(again.resolve('live', 'failover')?.deleted, false);
  await again.close();
});

test('a backup of a store into itself is refused, and the store stays as it is', async () => {
  const link = join(site.dir, 'link');
  await symlink(site.root, link);
  const id = await readFile(join(site.root, 'blobs', 'id'), 'utf8');
  for (const folder of [site.root, link, join(site.root, 'sub'), join(link, 'blobs', 'a', 'b')])
    await assert.rejects(backup(folder), /is the store itself, or a folder in it/, folder);
  assert.equal(await readFile(join(site.root, 'blobs', 'id'), 'utf8'), id);
  assert.ok(!(await readdir(site.root)).includes('sub'));
});
