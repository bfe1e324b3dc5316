// Quota: how much a bucket may keep. It counts what usage.ts counts.

import { SealgateError } from '../errors.ts';
import type { StoreRecord } from './records.ts';
import { bucketsIn, type CountedRecords, changeOfUsage, noUsage, sumOf, type Usage } from './usage.ts';

export interface Quota {
  bytes?: number;
  /** Versions of names whose bytes are kept. */
  objects?: number;
}

/** The largest that can be said, in bytes (1 PiB) or objects: numbers count that exactly. */
export const mostQuota = 2 ** 50;

/** A quota in words; empty: there is none. */
export function quotaText({ bytes, objects }: Quota = {}): string {
  const parts = [
    ...(bytes === undefined ? [] : [`${bytes} bytes`]),
    ...(objects === undefined ? [] : [`${objects} objects`]),
  ];
  return parts.length === 0 ? '' : `at most ${parts.join(' and ')}`;
}

/** The refusal of what would exceed a quota; undefined: it fits. What adds nothing always fits. */
export function refusalOf(
  bucket: string,
  quota: Quota | undefined,
  used: Usage,
  added: Usage,
): SealgateError | undefined {
  for (const which of ['objects', 'bytes'] as const) {
    const limit = quota?.[which];
    if (limit === undefined || added[which] <= 0 || used[which] + added[which] <= limit) continue;
    return new SealgateError(
      'quota-reached',
      `Bucket ${bucket} has a quota of ${limit} ${which}, of which ${used[which]} are used; this ` +
        `would add ${added[which]}. Older versions count until they are collected.`,
      { about: { bucket, quota: which, limit, used: used[which] } },
    );
  }
  return undefined;
}

export interface Quotas {
  records: CountedRecords;
  usedIn(bucket: string): Usage;
  quotaOf(bucket: string): Quota | undefined;
}

/**
 * Says of each of the changes that go into one commit why it may not be made, in their order: what is made
 * before counts for what comes behind.
 */
export function refusals(
  all: readonly StoreRecord[][],
  { records, usedIn, quotaOf: lookUp }: Quotas,
): (SealgateError | undefined)[] {
  // Most changes of a commit are in one bucket.
  const quotas = new Map<string, Quota | undefined>();
  const quotaOf = (bucket: string) => {
    if (!quotas.has(bucket)) quotas.set(bucket, lookUp(bucket));
    return quotas.get(bucket);
  };
  const added = new Map<string, Usage>();
  const usedBy = (bucket: string) => sumOf(usedIn(bucket), added.get(bucket) ?? noUsage);
  return all.map((changes) => {
    if (![...bucketsIn(changes)].some(quotaOf)) return undefined;
    const its = [...changeOfUsage(records, changes)];
    for (const [bucket, change] of its) {
      const refusal = refusalOf(bucket, quotaOf(bucket), usedBy(bucket), change);
      if (refusal) return refusal;
    }
    for (const [bucket, change] of its) added.set(bucket, sumOf(added.get(bucket) ?? noUsage, change));
    return undefined;
  });
}
