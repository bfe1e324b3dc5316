// If-Match, If-None-Match and If-Unmodified-Since of requests that write (RFC 9110 13.1). Those of requests
// that read are the engine's.

import type { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import type { Descriptor } from '../../store/store.ts';

/** Throws `precondition-failed`. @param current what is there now; undefined: nothing. */
export function checkPreconditions(
  headers: FieldLines,
  current: Pick<Descriptor, 'digest' | 'date'> | undefined,
): void {
  const digest = current?.digest;
  const match = headers.get('if-match');
  if (match !== null && !matches(match, digest, 'strong')) throw new SealgateError('precondition-failed');
  const date = headers.get('if-unmodified-since');
  // A write that was meant to be guarded by a date must not happen where no date tells versions apart.
  const later = current !== undefined && !unmodifiedSince(date ?? '', current.date);
  if (match === null && date !== null && later) throw new SealgateError('precondition-failed');
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== null && (matches(noneMatch, digest, 'weak') || !isList(noneMatch))) {
    throw new SealgateError('precondition-failed');
  }
}

const entityTag = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;
const entityTags = /^(?:[ \t,]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,|$))+[ \t,]*$/;

const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

// To the second, as Last-Modified is. Of dates the form that senders have to use (RFC 9110 5.6.7).
function unmodifiedSince(date: string, modified: number | undefined): boolean {
  if (modified === undefined) return false;
  return fixdate.test(date) && Math.floor(modified / 1000) * 1000 <= Date.parse(date);
}

// A condition that cannot be read does not hold: a write that was meant to be guarded must not happen.
function isList(value: string): boolean {
  return value === '*' || entityTags.test(value);
}

function matches(value: string, digest: string | undefined, comparison: 'strong' | 'weak'): boolean {
  if (digest === undefined) return false;
  if (value === '*') return true;
  if (!isList(value)) return false;
  for (const [, weak, tag] of value.matchAll(entityTag)) {
    if (tag === digest && (comparison === 'weak' || weak === undefined)) return true;
  }
  return false;
}
