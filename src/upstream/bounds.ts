// Bounds: how much a bucket of mirrors may keep and for how long without use, by the sites that fetch into
// it, and which of its names are never evicted.

import type { ObjectFields } from '../object_fields.ts';
import { pathPattern } from '../path_pattern.ts';
import type { SiteConfig } from '../sites_schema.ts';
import { mayBeHadAgain } from './keeping.ts';

export interface Bounds {
  /** Bytes; Infinity: any number. */
  maxBytes: number;
  /** Milliseconds; Infinity: for ever. */
  unusedMs: number;
  /** Whether a name with such an object can be fetched again. */
  mayGo(name: string, fields: ObjectFields | undefined): boolean;
}

const day = 86_400_000;

/** By bucket, those of all sites that mirror: of several the tightest bound counts. */
export function boundsOf(sites: readonly SiteConfig[]): Map<string, Bounds> {
  const found = new Map<string, Bounds>();
  for (const { bucket, path, prefix = '', protocol, mirror } of sites) {
    if (protocol !== 'mirror' || bucket === undefined) continue;
    const { maxBytes = Number.POSITIVE_INFINITY, unusedDays = Number.POSITIVE_INFINITY } = mirror ?? {};
    const local = (mirror?.local ?? []).map(pathPattern);
    const isLocal = (name: string) =>
      name.startsWith(prefix) && local.some((each) => each.matches(path + name.slice(prefix.length)));
    const before = found.get(bucket);
    found.set(bucket, {
      maxBytes: Math.min(maxBytes, before?.maxBytes ?? maxBytes),
      unusedMs: Math.min(unusedDays * day, before?.unusedMs ?? unusedDays * day),
      mayGo: (name, fields) =>
        mayBeHadAgain(fields) && !isLocal(name) && before?.mayGo(name, fields) !== false,
    });
  }
  return found;
}

/** Whether anything of it is ever evicted. */
export function isBounded({ maxBytes, unusedMs }: Bounds): boolean {
  return Number.isFinite(maxBytes) || Number.isFinite(unusedMs);
}
