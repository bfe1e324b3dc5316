// RemovedBy: what a bucket keeps now and would not with other settings.

import { setImmediate } from 'node:timers/promises';
import { changed } from './buckets.ts';
import type { RefRecord } from './listing.ts';
import type { Key, Metadata } from './metadata.ts';
import { behindVersion, collectableFrom, type Keeping, type Superseded, supersededBy } from './retention.ts';
import type { Bucket, SettingsChange } from './store.ts';
import { endOf } from './time_to_live.ts';

/** Rows looked at in one turn of the thread that answers everybody: about a millisecond. */
const rowsATime = 100;

export interface Removed {
  /** Names that would be as if they were deleted, and the bytes they hold. */
  expired: { objects: number; bytes: number };
  /** Older versions that collection would remove after the grace time, and their sizes. */
  versions: number;
  bytes: number;
}

export async function removedBy(
  meta: Metadata,
  bucket: Bucket,
  change: SettingsChange,
  now: number,
): Promise<Removed> {
  const found: Removed = { expired: { objects: 0, bytes: 0 }, versions: 0, bytes: 0 };
  const afterwards: Keeping = { kind: bucket.kind, ...changed(bucket, change) };
  const isDue = (keeping: Keeping, superseded: Superseded) =>
    (collectableFrom(keeping, superseded, 0) ?? Number.POSITIVE_INFINITY) <= now;
  const hasEnded = ({ ttl }: Keeping, value: RefRecord) =>
    (endOf(value, ttl) ?? Number.POSITIVE_INFINITY) <= now;
  for await (const { key, value } of rowsOf(meta, bucket.name)) {
    const [, name, version] = key as [string, string, number];
    const size = 'size' in value ? value.size : 0;
    const superseded = supersededBy(meta, { bucket: bucket.name, name, version });
    if (superseded && isDue(afterwards, superseded) && !isDue(bucket, superseded)) {
      found.versions++;
      found.bytes += size;
    } else if (!superseded && hasEnded(afterwards, value) && !hasEnded(bucket, value)) {
      found.expired.objects++;
      found.expired.bytes += size;
    }
  }
  return found;
}

async function* rowsOf(meta: Metadata, bucket: string): AsyncGenerator<{ key: Key; value: RefRecord }> {
  for (let start: Key | undefined = [bucket]; start !== undefined; ) {
    const page: { key: Key; value: RefRecord }[] = [
      ...meta.range<RefRecord>('refs', { start, limit: rowsATime }),
    ];
    const own = page.filter(({ key }) => key[0] === bucket);
    yield* own;
    const last = own.at(-1);
    start = own.length === rowsATime && last ? behindVersion(last.key as (string | number)[]) : undefined;
    await setImmediate();
  }
}
