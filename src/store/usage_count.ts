// UsageCount: the counters of all buckets counted anew, from the records. A store that a version without
// counters wrote to gets them when it is opened for writing, and a check compares them.

import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RefRecord } from './listing.ts';
import type { Key, Metadata } from './metadata.ts';
import { behindVersion } from './retention.ts';
import { noUsage, sumOf, type Usage, usageOf } from './usage.ts';

/** Milliseconds between two lines of progress. */
const interval = 2000;
/** Versions that are counted before it is kept how far that came: some 50 ms. */
export const versionsATime = 10_000;

/** How far counting has come, in the table `state`. Good as long as no commit was made since. */
interface Progress {
  sequence: number;
  next: Key;
  used: [bucket: string, usage: Usage][];
}
const progressKey = 'counting';

/**
 * Counts what there is, unless the counters are known. Killed, it goes on where it was. Where the disk takes
 * nothing at present it counts all the same, and the next commit has the counters.
 * @param onProgress hears a sentence from time to time, and once at the end.
 */
export async function countUsage(meta: Metadata, onProgress: (said: string) => void): Promise<void> {
  if (meta.usage.isKnown) return;
  const { sequence } = meta.state;
  const kept = meta.state.get<Progress>(progressKey);
  const from = kept?.sequence === sequence ? kept : undefined;
  const used = new Map(from?.used);
  let said = performance.now();
  let versions = 0;
  for (let start: Key | undefined = from?.next ?? ['']; start !== undefined; ) {
    const page = countPage(meta, start, used);
    versions += page.versions;
    start = page.next;
    if (start !== undefined) await meta.keep([[progressKey, { sequence, next: start, used: [...used] }]]);
    if (performance.now() - said < interval) continue;
    said = performance.now();
    onProgress(`counting what buckets keep: ${versions} versions of names`);
  }
  meta.usage.replace(used);
  const counting = meta.usage.commit([], sequence);
  if (await meta.keep([...counting.entries, [progressKey, undefined]])) counting.taken();
  onProgress(`counted what buckets keep: ${versions} versions of names`);
}

function countPage(meta: Metadata, start: Key, used: Map<string, Usage>): { versions: number; next?: Key } {
  const page: { key: Key }[] = [...meta.range<RefRecord>('refs', { start, limit: versionsATime })];
  for (const { key } of page) {
    const [bucket, name, version] = key as [string, string, number];
    const usage = usageOf(meta.counted, { bucket, name, version });
    used.set(bucket, sumOf(used.get(bucket) ?? noUsage, usage));
  }
  const last = page.at(-1)?.key as (string | number)[] | undefined;
  const isMore = page.length === versionsATime && last !== undefined;
  return { versions: page.length, ...(isMore && { next: behindVersion(last) }) };
}

/** A bucket whose counters are not what is found. */
export interface Miscounted {
  bucket: string;
  counted: Usage;
  found: Usage;
}

/** Times that a count is begun anew because the store was written to. */
const maxCounts = 3;

/**
 * Counts all buckets and compares. Undefined: the store was written to each time, or an older version wrote
 * to it last, which leaves the counters to the next opening.
 */
export async function miscounted(meta: Metadata): Promise<Miscounted[] | undefined> {
  if (!meta.state.isCounted) return meta.isEmpty() ? [] : undefined;
  for (let count = 0; count < maxCounts; count++) {
    const { sequence } = meta.state;
    const used = new Map<string, Usage>();
    let start: Key | undefined = [''];
    while (start !== undefined && meta.state.sequence === sequence) {
      start = countPage(meta, start, used).next;
      await setImmediate();
    }
    const buckets = [...meta.range('buckets')].map(({ key }) => key as string);
    const all = [...new Set([...buckets, ...used.keys()])].map((bucket) => {
      const [counted, found] = [meta.usageOf(bucket) ?? noUsage, used.get(bucket) ?? noUsage];
      return { bucket, counted, found };
    });
    if (meta.state.sequence === sequence)
      return all.filter(({ counted, found }) => !isDeepStrictEqual(counted, found));
  }
  return undefined;
}
