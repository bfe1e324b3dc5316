// Dates: which of a version's two times HTTP tells. Both are kept where no conditional request can be misled
// (store/content_store.ts), so that either may be told of all versions.

/** When a version was written here, or when its source last changed, where that is known. */
export const dates = ['written', 'source'] as const;
export type Dates = (typeof dates)[number];

interface Times {
  created: number;
  undated?: true;
  modified?: number;
}

/** Milliseconds since the epoch; undefined: no date in HTTP tells this version from the one before. */
export function dateOf({ created, undated, modified }: Times, told: Dates): number | undefined {
  if (told === 'source' && modified !== undefined) return modified;
  return undated ? undefined : created;
}
