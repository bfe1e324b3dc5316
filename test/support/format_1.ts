// Makes a store at rest what one of format 1 is: without the tables that format 2 added, in the metadata and
// in the journal.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import { type Frame, frameLine, parseFrame } from '../../src/store/journal.ts';

const added = ['holds', 'settings'];

function without({ records, ...frame }: Frame): Frame {
  return { ...frame, records: records.filter(({ table }) => !added.includes(table)) };
}

export async function makeFormat1(root: string): Promise<void> {
  const meta = open({ path: join(root, 'meta'), noSubdir: false, maxDbs: 16 });
  for (const name of added) await meta.openDB({ name }).drop();
  const state = meta.openDB<unknown, string>({ name: 'state', useRecords: false } as object & {
    name: string;
  });
  await state.put('last', without(state.get('last') as Frame));
  await meta.close();
  const journal = join(root, 'journal');
  const frames = (await readFile(journal, 'utf8')).split('\n').flatMap((line) => parseFrame(line) ?? []);
  await writeFile(journal, frames.map((frame) => frameLine(without(frame))).join(''));
  await writeFile(join(root, 'format'), 'sealgate store 1\n');
}
