// Transaction: puts and removals that LMDB makes together or not at all, and what they may add to its file.

import { constants } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { Database } from 'lmdb';

/** Bytes of LMDB's pages. */
const page = 4096;
/**
 * Most bytes that a commit adds to the file. Each change writes a page on each level of a tree and may divide
 * one: eight levels are more than 10^7 names of ordinary length have. Large values have pages of their own,
 * the last not full, and are once more in the frame. 64 pages are for LMDB's list of free pages.
 */
export function growthOf(changes: number, bytes: number): number {
  return changes * (8 + 1) * page + 2 * bytes + 64 * page;
}

/** Resolves when all is durable; rejects with the reason when nothing of it is made. */
export async function transact(
  state: Database<unknown, string>,
  puts: () => Promise<boolean>[],
): Promise<void> {
  let written: Promise<boolean>[] = [];
  // The block of ifNoExists() is one transaction, whenever LMDB's thread begins it.
  const all = state.ifNoExists('absent', () => {
    written = puts();
  });
  const outcomes = await Promise.allSettled([all, ...written]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw await reasonOf(failed.reason);
}

/** The reason of a failed commit, which LMDB gives as a promise that may never settle. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  if (!commitError) return error;
  const reason: unknown = await Promise.race([commitError.catch((cause: unknown) => cause), setImmediate()]);
  if (!(reason instanceof Error)) return error;
  // LMDB gives the errno; not every runtime has a name for EDQUOT.
  const { code } = reason as { code?: unknown };
  const name = Object.entries(constants.errno).find(([, number]) => number === code)?.[0] ?? code;
  return Object.assign(new Error(reason.message, { cause: reason }), { code: name });
}
