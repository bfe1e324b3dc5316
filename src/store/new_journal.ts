// NewJournal: a journal of what the metadata have now, written beside the one in use to take its place.

import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { named } from '../named_errors.ts';
import { frameLine } from './journal.ts';
import { inCommits, type StoreRecord } from './records.ts';

/** Bytes that are written before they are synced, so that one sync at the end is not of all of them. */
const syncedBytes = 8 * 1024 * 1024;

export interface NewJournal {
  path: string;
  file: FileHandle;
}

function pathBeside(path: string): string {
  return `${path}.new`;
}

/** Removes what a process that was killed has left. */
export async function removeNew(path: string): Promise<void> {
  await rm(pathBeside(path), { force: true });
}

/**
 * Writes all records beside the journal at `path`, durably. The frames are numbered up to -1, and an empty
 * frame with the number of the last commit follows them. When it rejects, there is nothing beside it.
 */
export async function writeBeside(
  path: string,
  { store, sequence }: { store: string; sequence: number },
  pages: Iterable<StoreRecord[]> | AsyncIterable<StoreRecord[]>,
): Promise<NewJournal> {
  await removeNew(path);
  const beside = pathBeside(path);
  const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = constants;
  const file = await open(beside, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600);
  try {
    let number = -Number.MAX_SAFE_INTEGER;
    let unsynced = 0;
    for await (const page of pages) {
      for (const records of inCommits(page)) {
        const line = frameLine({ sequence: number++, store, records });
        await file.appendFile(line);
        unsynced += line.length;
      }
      if (unsynced < syncedBytes) continue;
      await file.datasync();
      unsynced = 0;
    }
    await file.appendFile(frameLine({ sequence, store, records: [] }));
    await file.sync();
    return { path: beside, file };
  } catch (cause) {
    await discard({ path: beside, file });
    throw named(beside, cause);
  }
}

/** Gives the space of an unfinished file back, since the disk may be full. */
export async function discard({ path, file }: NewJournal): Promise<void> {
  await file.close();
  await rm(path, { force: true }).catch(() => {});
}

/** Replaces the journal at `path`, which nobody has open. */
export async function replaceJournal(
  path: string,
  of: { store: string; sequence: number },
  records: Iterable<StoreRecord>,
): Promise<void> {
  const { path: beside, file } = await writeBeside(path, of, inCommits(records));
  await file.close();
  await rename(beside, path);
  await syncFolder(dirname(path));
}
