// A journal that mostly says what counts no more, and the records that a journal says.

import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Frame, frameLine, parseFrame, readJournal } from '../../src/store/journal.ts';
import { recordName, type StoreRecord } from '../../src/store/records.ts';
import { sha256 } from './store.ts';

/**
 * Makes the journal of a store that nobody has open longer by so many bytes: by frames of which the last one
 * counts, as it has the number of those before it.
 */
export async function lengthenJournal(root: string, bytes: number): Promise<void> {
  const path = join(root, 'journal');
  const lines = (await readFile(path, 'utf8')).split('\n');
  const last = lines.flatMap((line) => parseFrame(line) ?? []).at(-1) as Frame;
  const records: StoreRecord[] = Array.from({ length: 20 }, (_, i) => ({
    table: 'holds',
    key: [sha256(`${i}`), 'name', 'gone', 'n'.repeat(1000), 1],
    value: { since: 1 },
  }));
  const line = frameLine({ ...last, records });
  const text = line.repeat(Math.ceil(bytes / line.length)) + frameLine(last);
  await appendFile(path, text);
}

/** What the journal says that the records are. */
export async function recordsOfJournal(root: string): Promise<StoreRecord[]> {
  const records = new Map<string, StoreRecord>();
  const damaged: number[] = [];
  for await (const frame of readJournal(join(root, 'journal'), (line) => damaged.push(line)))
    for (const record of frame.records) {
      const name = recordName(record);
      if (record.value === undefined) records.delete(name);
      else if (!records.has(name)) records.set(name, record);
    }
  return [...records.values()];
}
