// Records: what the metadata consists of.

/** Arrays sort by element. */
export type Key = string | (string | number)[];

export const tables = ['buckets', 'blobs', 'refs'] as const;
export type Table = (typeof tables)[number];

/** Records that one commit adds at most: it bounds what files grow by (metadata.ts, journal.ts). */
export const maxBatch = 256;

/** Written once: neither changed nor removed. */
export interface StoreRecord {
  table: Table;
  key: Key;
  value: unknown;
}
