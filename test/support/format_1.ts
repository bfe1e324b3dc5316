// Makes a store at rest what older versions leave: one of format 1, without the tables that format 2 added in
// the metadata and in the journal, or one whose buckets nobody has counted.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type Frame, frameLine, parseFrame } from '../../src/store/journal.ts';

const added = ['holds', 'settings'];

function without({ records, ...frame }: Frame): Frame {
  return { ...frame, records: records.filter(({ table }) => !added.includes(table)) };
}

/** Changes what a store at rest knows of itself beside its records. */
export async function changeState(
  root: string,
  change: (state: Database<unknown, string>, meta: RootDatabase) => Promise<void>,
): Promise<void> {
  const meta = open({ path: join(root, 'meta'), noSubdir: false, maxDbs: 16 });
  const options = { name: 'state', useRecords: false } as object & { name: string };
  await change(meta.openDB<unknown, string>(options), meta);
  await meta.close();
}

export function forgetCounters(root: string): Promise<void> {
  return changeState(root, async (state) => {
    const its = [...state.getKeys()].filter((key) => key.startsWith('usage/'));
    for (const key of [...its, 'counted']) await state.remove(key);
  });
}

export async function makeFormat1(root: string): Promise<void> {
  await changeState(root, async (state, meta) => {
    for (const name of added) await meta.openDB({ name }).drop();
    await state.put('last', without(state.get('last') as Frame));
  });
  await forgetCounters(root);
  const journal = join(root, 'journal');
  const frames = (await readFile(journal, 'utf8')).split('\n').flatMap((line) => parseFrame(line) ?? []);
  await writeFile(journal, frames.map((frame) => frameLine(without(frame))).join(''));
  await writeFile(join(root, 'format'), 'sealgate store 1\n');
}
