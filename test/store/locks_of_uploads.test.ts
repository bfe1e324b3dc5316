// The lock of an upload in several requests is released when it could not be made or removed: else nobody
// could go on with it, or remove it, while this process runs.

import assert from 'node:assert/strict';
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UploadFiles } from '../../src/store/upload_files.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true, force: true }));
const id = 'ab'.repeat(32);

/** Files below the folder that this process has open. */
async function opened(): Promise<string[]> {
  const all = await readdir('/proc/self/fd');
  const paths = await Promise.all(all.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(dir));
}

test('an upload that cannot be made leaves no folder and no open lock', async () => {
  const boot = () => Promise.reject(new Error('no start of the machine'));
  const files = new UploadFiles<object>(() => [join(dir, 'making')], boot);
  await assert.rejects(files.make(id, {}), /no start of the machine/);
  assert.deepEqual([await readdir(join(dir, 'making')), await opened()], [[], []]);
});

test('an upload that cannot be removed is not busy, and is removed when the cause is gone', async () => {
  const folder = join(dir, 'removing');
  const files = new UploadFiles<{ note: string }>(() => [folder]);
  const made = await files.make(id, { note: 'kept' });
  // A folder is not renamed over a file.
  const inTheWay = join(folder, `${id}.gone`);
  await writeFile(inTheWay, '');
  await assert.rejects(made.remove(), { code: 'ENOTDIR' });
  assert.deepEqual(await opened(), []);
  const again = await files.open(id);
  assert.ok(typeof again === 'object', `${again}`);
  assert.equal(again.record.note, 'kept');
  await rm(inTheWay);
  await again.remove();
  assert.deepEqual([await readdir(folder), await opened()], [[], []]);
});

test('one whose record cannot be read is not busy', async () => {
  const folder = join(dir, 'damaged');
  const files = new UploadFiles<object>(() => [folder]);
  (await files.make(id, {})).release();
  const record = join(folder, id, 'record');
  const text = await readFile(record, 'utf8');
  await writeFile(record, text.slice(1));
  for (let tries = 0; tries < 2; tries++) await assert.rejects(files.open(id), SyntaxError);
  await writeFile(record, text);
  const file = await files.open(id);
  assert.ok(typeof file === 'object', `${file}`);
  file.release();
});
