// A journal whose disk fails for a while: what it missed is written before anything else, once, and no more
// is kept of it than one frame.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Frame, frameLine, Journal, readJournal } from '../../src/store/journal.ts';
import { mountSmallDisk } from '../support/small_disk.ts';

const mounted = await mountSmallDisk(8);
const skip = typeof mounted === 'string' && mounted;
const disk = typeof mounted === 'string' ? undefined : mounted;
after(() => disk?.remove());

/** Longer than what is left of a page of the disk. */
const long = 'long '.repeat(4000);

function frame(sequence: number): Frame {
  return { sequence, store: 'a store', records: [{ table: 'refs', key: ['files', long, 1], value: {} }] };
}

async function sequences(path: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { sequence } of readJournal(path, () => {})) found.push(sequence);
  return found;
}

test('a commit that a full disk refused is tried first, and is there once the disk has room', {
  skip,
}, async () => {
  const path = join(disk?.dir ?? '', 'journal');
  const { journal } = await Journal.open(path);
  await journal.append(frame(1));
  await journal.catchUp();
  await disk?.leave(0);
  await assert.rejects(journal.append(frame(2)), { code: 'ENOSPC' });
  for (let i = 0; i < 20; i++) await assert.rejects(journal.catchUp(), { code: 'ENOSPC' });
  await disk?.makeRoom();
  await journal.catchUp();
  assert.deepEqual(await sequences(path), [1, 2]);
  await journal.append(frame(3));
  assert.deepEqual(await sequences(path), [1, 2, 3]);
  const { size } = await stat(path);
  const whole = 3 * frameLine(frame(1)).length;
  assert.ok(size < 2 * whole, `${size} bytes for ${whole}`);
  await journal.close();
});
