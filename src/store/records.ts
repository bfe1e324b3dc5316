// Records: what the metadata consists of, and what a commit changes.

/** Arrays sort by element. */
export type Key = string | (string | number)[];

export const tables = ['buckets', 'blobs', 'refs', 'holds', 'settings'] as const;
export type Table = (typeof tables)[number];

/** Changes that one commit makes at most: it bounds what files grow by (metadata.ts, journal.ts). */
export const maxBatch = 256;

/** A change of a commit. The value is written once and never changed; undefined: the record is removed. */
export interface StoreRecord {
  table: Table;
  key: Key;
  value: unknown;
}

/** Takes a record out of the metadata. Only gc.ts asks for it. */
export function removal(table: Table, key: Key): StoreRecord {
  return { table, key, value: undefined };
}

/** The same text for the same record. */
export function recordName({ table, key }: Pick<StoreRecord, 'table' | 'key'>): string {
  return JSON.stringify([table, key]);
}
