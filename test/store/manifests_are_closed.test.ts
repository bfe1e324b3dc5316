// A manifest is read to its end, or no further than its header: its file is closed in both cases.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { manifestHeader, manifestLines, manifestName } from '../../src/store/manifest.ts';

const folder = await mkdtemp(join(tmpdir(), 'sealgate-manifest-'));
after(() => rm(folder, { recursive: true }));
const manifest = join(folder, manifestName);
const digest = 'ab'.repeat(32);
const line = { name: 'a', file: 'a', digest, size: 1, mediaType: 'text/plain' };
// More than is read at once.
const count = 5000;
await writeFile(join(folder, 'a'), 'a');
await writeFile(
  manifest,
  [{ sealgateExport: 1, bucket: 'b', kind: 'versioned' }, ...Array(count).fill(line)]
    .map((each) => `${JSON.stringify(each)}\n`)
    .join(''),
);

async function opened(): Promise<number> {
  const paths = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return paths.filter((path) => path === manifest).length;
}

test('the header of a manifest is read: its file is not open any more', async () => {
  assert.equal((await manifestHeader(folder))?.bucket, 'b');
  assert.equal(await opened(), 0);
});

test('all names of a manifest are read, or one of them: its file is not open any more', async () => {
  let names = 0;
  for await (const _ of manifestLines(folder)) names++;
  assert.equal(names, count);
  assert.equal(await opened(), 0);
  for await (const { name } of manifestLines(folder)) {
    assert.equal(name, 'a');
    break;
  }
  assert.equal(await opened(), 0);
});
