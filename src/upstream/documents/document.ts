// Document: a file of the store that tells of others.

export const formats = ['', '.gz', '.xz', '.zst'] as const;
/** What the name of the file ends with; empty: it is not compressed. */
export type Format = (typeof formats)[number];

export interface Document {
  path: string;
  /** SHA-256. */
  digest: string;
  format: Format;
}
