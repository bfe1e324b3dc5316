// Retention: how long the older versions of a name are kept, and from when on they may be collected.

import type { VersionOfName } from './holds.ts';
import type { RefRecord } from './listing.ts';
import type { Metadata } from './metadata.ts';
import type { BucketKind } from './store.ts';

/** A version is kept while its place or its age is within the rule: one of the two is enough. */
export interface Retention {
  /** Versions behind the newest; a deletion counts as one. */
  versions?: number;
  /** Seconds since the version was overwritten or deleted. */
  seconds?: number;
}

/** The largest numbers that a rule may have: versions, and seconds (100 years). */
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

/** The settings of a bucket that decide what is collected. */
export interface Keeping {
  kind: BucketKind;
  /** Absent in a versioned bucket: all versions are kept. */
  keep?: Retention | undefined;
  /** Seconds that a version lives; absent: no number is said. */
  ttl?: number | undefined;
}

export interface Superseded {
  /** How many newer versions the name has. */
  newer: number;
  /** When the next version was written, milliseconds since the epoch. */
  at: number;
  /** When it was written itself. */
  created: number;
  /** When it was to end, if that was said of it alone. */
  expires?: number | undefined;
}

/**
 * When a version may be collected, in milliseconds since the epoch; undefined: never while the name stays as
 * it is.
 * @param graceMs how long every version stays after it was overwritten or deleted, whatever the rule.
 */
export function collectableFrom(
  { kind, keep, ttl }: Keeping,
  { newer, at, created, expires = Number.POSITIVE_INFINITY }: Superseded,
  graceMs: number,
): number | undefined {
  if (kind === 'write-once') return at + graceMs;
  // Without a rule for older versions they live as long as they would have as the newest one.
  const end = Math.min(expires, created + (ttl ?? Number.POSITIVE_INFINITY) * 1000);
  if (keep === undefined && end < Number.POSITIVE_INFINITY) return Math.max(at + graceMs, end);
  if (keep === undefined || newer <= (keep.versions ?? 0)) return undefined;
  return at + Math.max(graceMs, (keep.seconds ?? 0) * 1000);
}

/** Undefined for the newest version of a name, and for a version that is not on record. */
export function supersededBy(
  meta: Metadata,
  { bucket, name, version }: VersionOfName,
): Superseded | undefined {
  const next = meta.get<RefRecord>('refs', [bucket, name, version + 1]);
  const newest = meta.newest<RefRecord>('refs', [bucket, name]);
  const own = meta.get<RefRecord>('refs', [bucket, name, version]);
  if (!next || !newest) return undefined;
  const created = own?.created ?? next.created;
  const expires = own && 'expires' in own ? own.expires : undefined;
  return { newer: newest.version - version, at: next.created, created, expires };
}

/** The key right behind a version of a chain. */
export function behindVersion(key: (string | number)[]) {
  return [...key.slice(0, -1), (key.at(-1) as number) + 1];
}
