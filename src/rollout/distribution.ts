// Distribution: a histogram of the engine (native/base/histogram.h): how many observations each bucket has.

export interface Distribution {
  /** Ascending by upper bound; bounds in seconds. */
  buckets: { bound: number; count: number }[];
  count: number;
}

/** @param counts observations by the bucket's upper bound in microseconds. */
export function distributionOf(counts: Record<string, number>): Distribution {
  const buckets = Object.entries(counts)
    .map(([bound, count]) => ({ bound: Number(bound) / 1e6, count }))
    .sort((a, b) => a.bound - b.bound);
  return { buckets, count: buckets.reduce((sum, { count }) => sum + count, 0) };
}

/**
 * The upper bound, in seconds, of the bucket that holds the quantile: at most a quarter above the true
 * value. NaN when there are no observations.
 * @param share from 0 to 1: 0.99 is the 99th percentile.
 */
export function quantile({ buckets, count }: Distribution, share: number): number {
  let below = 0;
  for (const bucket of buckets) {
    below += bucket.count;
    if (below >= share * count) return bucket.bound;
  }
  return Number.NaN;
}

/** Share of observations above a bound in seconds; NaN when there are no observations. */
export function shareAbove({ buckets, count }: Distribution, bound: number): number {
  return buckets.reduce((sum, bucket) => sum + (bucket.bound > bound ? bucket.count : 0), 0) / count;
}
