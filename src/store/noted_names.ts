// NotedNames: whose answers a commit changes, as the queue of changed names has it on record.

import { allNamesOf } from './holds.ts';
import type { RefRecord } from './listing.ts';
import type { Metadata } from './metadata.ts';
import type { StoreRecord } from './records.ts';

/** Without a bucket, the digest of bytes that are gone. See ChangedName of changed_names.ts. */
export type NotedName = [bucket: string, name: string, version: number, tags?: string];

/** Most bytes of the names of one commit. */
export const maxNotedBytes = 1024 * 1024;
/** Names of a bucket with a colon are of the store itself: no client can ask for them. */
const isOwn = (bucket: string) => bucket.includes(':');

/** As they are encoded, at most. */
export function bytesOf([bucket, name, , tags = '']: NotedName): number {
  return bucket.length + 3 * name.length + tags.length + 16;
}

/** Undefined: too many to be noted. @param buckets whose names count; undefined: all. */
export function notedNames(
  meta: Metadata,
  records: readonly StoreRecord[],
  buckets: readonly string[] | undefined,
): NotedName[] | undefined {
  const names: NotedName[] = [];
  let bytes = 0;
  for (const each of namesIn(meta, records)) {
    const [bucket] = each;
    if (isOwn(bucket) || (bucket !== '' && buckets?.includes(bucket) === false)) continue;
    bytes += bytesOf(each);
    if (bytes > maxNotedBytes) return undefined;
    names.push(each);
  }
  return names;
}

function* namesIn(meta: Metadata, records: readonly StoreRecord[]): Generator<NotedName> {
  for (const { table, key, value } of records) {
    if (value === undefined) continue;
    if (table === 'refs') yield changed(meta, key as [string, string, number], value as RefRecord);
    if (table === 'blobs' && 'forgotten' in (value as object)) {
      const digest = key[0] as string;
      yield ['', digest, 0];
      for (const [bucket, name] of allNamesOf(meta, digest)) yield [bucket, name, 0];
    }
  }
}

// Answers that caches have may be of the version before, whose tags they know.
function changed(
  meta: Metadata,
  [bucket, name, version]: [string, string, number],
  now: RefRecord,
): NotedName {
  const before = meta.get<RefRecord>('refs', [bucket, name, version - 1]);
  const tags = [before, now].flatMap((each) =>
    each && 'fields' in each && each.fields?.surrogateKey ? [each.fields.surrogateKey] : [],
  );
  const said = [...new Set(tags)].join(' ');
  return said === '' ? [bucket, name, version] : [bucket, name, version, said];
}
