// Settling: before a write of a shared name is acknowledged that took long, whether collection has deleted
// its bytes meanwhile. Then they are sent again, and the record is written anew.

import { SealgateError } from '../errors.ts';
import type { Kept, Tier } from '../upstream/tier.ts';
import { isDeleted, type TierRecord } from '../upstream/tier_record.ts';
import type { Name } from './found.ts';

/** How often. */
const mostTimes = 3;

interface Written {
  record: TierRecord | undefined;
  etag: string | undefined;
  until: number;
}

export interface Settling {
  tier: Tier;
  at: Name;
  /** What the store was found to have; undefined: the change is of no bytes. */
  kept: Kept | undefined;
  /** Has it have the bytes again. */
  ready?: (() => Promise<Kept>) | undefined;
}

/** Rejects with `sharing-failed`; then the outcome is not known. */
export async function settled(
  { tier, at, kept, ready }: Settling,
  { record, etag, until }: Written,
): Promise<Written> {
  if (!record || isDeleted(record) || !kept || !ready) return { record, etag, until };
  const now = { record, etag };
  for (let time = 0; time < mostTimes; time++) {
    if (await tier.stillHas(now.record, kept)) return { ...now, until };
    kept = await ready();
    const { place: _, ...about } = now.record;
    const next = {
      ...{ ...about, ...placeOf(kept) },
      ...{ stamp: crypto.randomUUID(), version: now.record.version + 1 },
    };
    const written = await tier.write(at, next, now.etag);
    // Others have written the name since: whether this record was read before, nobody knows.
    if ('differs' in written) break;
    now.record = next;
    now.etag = written.etag;
  }
  throw new SealgateError('sharing-failed', undefined, { retryAfter: 1 });
}

/** What a record says of it. */
export function placeOf({ place }: Pick<Kept, 'place'>): { place?: string } {
  return place === undefined ? {} : { place };
}
