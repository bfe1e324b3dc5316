// Records: what the metadata consists of, and what a commit changes.

/** Arrays sort by element. */
export type Key = string | (string | number)[];

export const tables = ['buckets', 'blobs', 'refs', 'holds', 'settings'] as const;
export type Table = (typeof tables)[number];

/**
 * Changes that one commit makes at most, and bytes of their keys and values as the journal has them: they
 * bound what files grow by (metadata.ts, journal.ts). 256 changes of the longest names have 600 KiB; the rest
 * is for records that carry much beside a name.
 */
export const maxBatch = 256;
export const maxBatchBytes = 1024 * 1024;
/** The same for changes that are made together or not at all, which may have a commit for themselves. */
export const maxTogether = 4096;
export const maxTogetherBytes = 4 * 1024 * 1024;

/** A change of a commit. The value is written once and never changed; undefined: the record is removed. */
export interface StoreRecord {
  table: Table;
  key: Key;
  value: unknown;
}

/** Records of a table in key order. */
export interface Range {
  start?: Key;
  exclusiveStart?: boolean;
  limit?: number;
}

/** Takes a record out of the metadata. Only gc.ts asks for it. */
export function removal(table: Table, key: Key): StoreRecord {
  return { table, key, value: undefined };
}

/** How the journal has it: without a value where the record was removed. */
export function recordText({ table, key, value }: StoreRecord): string {
  return JSON.stringify(value === undefined ? [table, key] : [table, key, value]);
}

/** Bytes that count towards those of a commit. */
export function recordBytes(records: StoreRecord[]): number {
  return records.reduce((sum, record) => sum + Buffer.byteLength(recordText(record)), 0);
}

/** As few commits as may have them, in their order. */
export function* inCommits(records: Iterable<StoreRecord>): Generator<StoreRecord[]> {
  let [some, bytes]: [StoreRecord[], number] = [[], 0];
  for (const record of records) {
    const its = recordBytes([record]);
    if (some.length === maxBatch || (some.length > 0 && bytes + its > maxBatchBytes)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(record);
    bytes += its;
  }
  if (some.length > 0) yield some;
}

/** The same text for the same record. */
export function recordName({ table, key }: Pick<StoreRecord, 'table' | 'key'>): string {
  return JSON.stringify([table, key]);
}
