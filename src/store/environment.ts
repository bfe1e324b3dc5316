// Environment: LMDB's file of a store, opened.

import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { addon } from '../native/addon.ts';

/** Throws the reason, with what to do, when it cannot be opened. */
export function openEnvironment(root: string, readOnly: boolean): RootDatabase {
  addon.explainLostMetadata();
  const path = join(root, 'meta');
  // overlappingSync: with the default, a killed writer makes other processes panic, and a settled promise
  // does not mean that the commit is durable. eventTurnBatching: with the default, a failed commit rejects
  // a promise that nobody can reach, and the process ends.
  const safety = { overlappingSync: false, eventTurnBatching: false };
  try {
    return open({ path, noSubdir: false, maxDbs: 16, ...safety, readOnly });
  } catch (cause) {
    throw new Error(
      `${path}: the metadata cannot be opened (${(cause as Error).message}); look at the disk, and at ` +
        'who may read and write the folder',
      { cause },
    );
  }
}
