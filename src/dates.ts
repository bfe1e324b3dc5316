// The date of an object that HTTP shows. A version has two, and the store keeps both so that conditional
// requests stay correct with either (store/content_store.ts).

/** written: when the version was stored here. source: when its source was last changed, if that is known. */
export const dates = ['written', 'source'] as const;
export type Dates = (typeof dates)[number];

interface Times {
  created: number;
  undated?: true;
  modified?: number;
}

/** Milliseconds since the epoch; undefined when no date tells this version from the one before. */
export function dateOf({ created, undated, modified }: Times, told: Dates): number | undefined {
  if (told === 'source' && modified !== undefined) return modified;
  return undated ? undefined : created;
}
