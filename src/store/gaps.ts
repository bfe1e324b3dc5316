// Gaps: the versions of a chain count up without a gap, and the newest is found by that. A line of a journal
// that was lost may have had one in the middle of a chain.

import type { StoreRecord } from './records.ts';

/**
 * The versions that are missing, each with what the next one holds: what it held nobody knows, and the ones
 * behind it stay what they were.
 * @param records in key order, so that the versions of a chain come one after another.
 */
export function* missingVersions(records: Iterable<StoreRecord>): Generator<StoreRecord> {
  let [last, next] = ['', 1];
  for (const { table, key, value } of records) {
    const version = key.at(-1);
    if (typeof key === 'string' || typeof version !== 'number') continue;
    const chain = key.slice(0, -1);
    const name = JSON.stringify([table, chain]);
    // The first ones may have been collected.
    if (name !== last) [last, next] = [name, version];
    for (; next < version; next++) yield { table, key: [...chain, next], value };
    next++;
  }
}
