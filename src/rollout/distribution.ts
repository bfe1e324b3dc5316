// Distribution: observations by the upper bound of their bucket, as the engine counts them
// (native/base/histogram.h).

export interface Distribution {
  /** Ascending by bound; seconds. */
  buckets: { bound: number; count: number }[];
  count: number;
}

/** @param counts observations by bound in microseconds. */
export function distributionOf(counts: Record<string, number>): Distribution {
  const buckets = Object.entries(counts)
    .map(([bound, count]) => ({ bound: Number(bound) / 1e6, count }))
    .sort((a, b) => a.bound - b.bound);
  return { buckets, count: buckets.reduce((sum, { count }) => sum + count, 0) };
}

/**
 * The bound of the bucket in which the share of observations is reached, seconds: at most a quarter too high.
 * NaN when there are none.
 */
export function quantile({ buckets, count }: Distribution, share: number): number {
  let below = 0;
  for (const bucket of buckets) {
    below += bucket.count;
    if (below >= share * count) return bucket.bound;
  }
  return Number.NaN;
}

/** Share of observations above a bound; NaN when there are none. */
export function shareAbove({ buckets, count }: Distribution, bound: number): number {
  return buckets.reduce((sum, bucket) => sum + (bucket.bound > bound ? bucket.count : 0), 0) / count;
}
