// VersionTimes: when a version of a name was written, and when its source was, so that dates in HTTP mislead
// no conditional request.

import type { RefRecord } from './listing.ts';

/** Whole seconds, the resolution of dates in HTTP. */
export const second = (time: number) => Math.floor(time / 1000);

// A chain's times never fall, even when the clock goes back, and two versions of one second cannot be told
// apart by a date.
export function timeBehind(before: RefRecord | undefined, now: number): { created: number; undated?: true } {
  const created = Math.max(now, before?.created ?? 0);
  return before !== undefined && second(created) === second(before.created)
    ? { created, undated: true }
    : { created };
}

// The time of the source is kept where no conditional request can be misled by it: it is later than the
// version before, in whole seconds as HTTP has them, and not in the future. One of the first second of 1970
// or before stands for a source that knows none.
export function modifiedSince(
  before: RefRecord | undefined,
  modified: number | undefined,
  created: number,
): number | undefined {
  if (modified === undefined || modified > created || modified < 1000) return undefined;
  return before === undefined || second(modified) > second(before.created) ? modified : undefined;
}
