// VersionListing: every version of the names of a bucket, deletions included, in order of the names and each
// name's oldest first, a page at a time.

import { type Dates, dateOf } from '../dates.ts';
import { fieldBytes } from '../object_fields.ts';
import { maxFieldsBytes, type RefRecord } from './listing.ts';
import { behind, type Key, type Metadata } from './metadata.ts';
import type { Ref, VersionPage, Versions } from './store.ts';
import { endOf, type Reading } from './time_to_live.ts';

type Row = { key: Key; value: RefRecord };

export function listVersions(
  meta: Metadata,
  bucket: string,
  asked: VersionPage,
  { dates, timeToLiveOf }: Reading,
): Versions {
  const start = startOf(bucket, asked);
  // One more tells whether the last one is the newest of its name.
  const rows: Row[] = [...meta.range<RefRecord>('refs', { start, limit: asked.limit + 1 })];
  const found: Versions = { entries: [] };
  let bytes = 0;
  for (const [i, { key, value }] of rows.entries()) {
    const [of, name, version] = key as [string, string, number];
    if (of !== bucket || !isAsked(name, asked)) return found;
    if (found.entries.length === asked.limit || bytes >= maxFieldsBytes) {
      const last = found.entries.at(-1);
      return last ? { ...found, next: { name: last.name, version: last.version } } : found;
    }
    const isNewest = !isOfName(rows[i + 1], bucket, name);
    const expires = isNewest ? endOf(value, timeToLiveOf(bucket)) : undefined;
    found.entries.push({ name, isNewest, ...refOf(version, value, dates, expires) });
    bytes += 'fields' in value && value.fields ? fieldBytes(value.fields) : 0;
  }
  return found;
}

/** @param expires when its time is over, where it is the newest version. */
export function refOf(version: number, value: RefRecord, dates: Dates, expires?: number): Ref {
  if ('deleted' in value) return { version, deleted: true, created: value.created };
  const { expires: _, ...recorded } = value;
  const end = expires === undefined ? {} : { expires };
  return { version, deleted: false, ...recorded, date: dateOf(value, dates), ...end };
}

function startOf(bucket: string, { name, prefix = '', after }: VersionPage): Key {
  const first = name ?? prefix;
  if (after === undefined || Buffer.compare(Buffer.from(after.name), Buffer.from(first)) < 0)
    return [bucket, first];
  return after.version === undefined ? behind([bucket, after.name]) : [bucket, after.name, after.version + 1];
}

function isAsked(found: string, { name, prefix = '' }: VersionPage): boolean {
  return name === undefined ? found.startsWith(prefix) : found === name;
}

function isOfName(row: Row | undefined, bucket: string, name: string): boolean {
  return row !== undefined && row.key[0] === bucket && row.key[1] === name;
}
