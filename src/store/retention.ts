// Retention: how long the older versions of a name are kept, and from when on they may be collected.

import type { VersionOfName } from './holds.ts';
import type { RefRecord } from './listing.ts';
import type { Metadata } from './metadata.ts';
import type { BucketKind } from './store.ts';

/** A version is kept while one of the two keeps it. */
export interface Retention {
  /** Versions behind the newest; a deletion counts as one. */
  versions?: number;
  /** Seconds since the version was overwritten or deleted. */
  seconds?: number;
}

/** Most versions, and seconds (100 years), that a rule names. */
export const mostVersions = 1_000_000;
export const mostSeconds = 100 * 366 * 86_400;

/** A rule in words. */
export function retentionText(keep: Retention | undefined): string {
  if (keep === undefined) return 'keeps all older versions';
  const { versions = 0, seconds = 0 } = keep;
  const parts = [
    ...(versions > 0 ? [`${versions} older version${versions === 1 ? '' : 's'}`] : []),
    ...(seconds > 0 ? [`older versions for ${Number((seconds / 86_400).toFixed(3))} days`] : []),
  ];
  return `keeps ${parts.length > 0 ? parts.join(' and ') : 'no older versions'}`;
}

/** What collection has to know of a bucket. */
export interface Keeping {
  kind: BucketKind;
  /** Absent in a versioned bucket: all versions are kept. */
  keep?: Retention | undefined;
}

export interface Superseded {
  /** How many versions are behind it. */
  newer: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/**
 * The time from which on a version may be collected; undefined: not as long as nothing changes.
 * @param graceMs how long everything that is overwritten or deleted stays in any case.
 */
export function collectableFrom(
  { kind, keep }: Keeping,
  { newer, at }: Superseded,
  graceMs: number,
): number | undefined {
  if (kind === 'write-once') return at + graceMs;
  if (keep === undefined || newer <= (keep.versions ?? 0)) return undefined;
  return at + Math.max(graceMs, (keep.seconds ?? 0) * 1000);
}

/** Undefined for the newest version, and for one that there is no record of. */
export function supersededBy(
  meta: Metadata,
  { bucket, name, version }: VersionOfName,
): Superseded | undefined {
  const next = meta.get<RefRecord>('refs', [bucket, name, version + 1]);
  const newest = meta.newest<RefRecord>('refs', [bucket, name]);
  if (!next || !newest) return undefined;
  return { newer: newest.version - version, at: next.created };
}

/** The key right behind a version of a chain. */
export function behindVersion(key: (string | number)[]) {
  return [...key.slice(0, -1), (key.at(-1) as number) + 1];
}
