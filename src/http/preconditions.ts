// If-Match and If-None-Match of requests that write (RFC 9110 13.1). Those of requests that read are the
// engine's.

import type { FieldLines } from '../delivery/engine_request.ts';
import { SealgateError } from '../errors.ts';

/** Throws `precondition-failed`. @param digest what the name points at now; undefined: nothing. */
export function checkPreconditions(headers: FieldLines, digest: string | undefined): void {
  const match = headers.get('if-match');
  if (match !== null && !matches(match, digest, 'strong')) throw new SealgateError('precondition-failed');
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== null && (matches(noneMatch, digest, 'weak') || !isList(noneMatch))) {
    throw new SealgateError('precondition-failed');
  }
}

const entityTag = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"/g;
const entityTags = /^(?:[ \t,]*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,|$))+[ \t,]*$/;

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
