// Gaps: the versions of a chain are numbered without gaps, and the newest is found by relying on that. A lost
// line of a journal may leave a gap.

import type { StoreRecord } from './records.ts';

/**
 * Records for the missing versions, each with the value of the version behind it, because their own values
 * are lost and later versions must stay what they are.
 * @param records in key order, so that the versions of a chain come one after another.
 */
export function* missingVersions(records: Iterable<StoreRecord>): Generator<StoreRecord> {
  let [last, next] = ['', 1];
  for (const { table, key, value } of records) {
    const version = key.at(-1);
    // Holds are no chain: a name may have the same bytes again in a later version.
    if (table === 'holds' || typeof key === 'string' || typeof version !== 'number') continue;
    const chain = key.slice(0, -1);
    const name = JSON.stringify([table, chain]);
    // A chain need not begin with 1, because its first versions may have been collected.
    if (name !== last) [last, next] = [name, version];
    for (; next < version; next++) yield { table, key: [...chain, next], value };
    next++;
  }
}
