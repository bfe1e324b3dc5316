// The conditions of a request that changes something (RFC 9110 13.1). The engine evaluates them, as it does
// those of requests that read.

import { SealgateError } from '../errors.ts';
import { addon, type Conditions } from '../native/addon.ts';
import type { Descriptor } from '../store/store.ts';

/** @param headers the request's fields by their names in lower case. */
export function conditionsOf(headers: { get(name: string): string | null }): Conditions {
  return {
    ifMatch: headers.get('if-match') ?? undefined,
    ifNoneMatch: headers.get('if-none-match') ?? undefined,
    ifUnmodifiedSince: headers.get('if-unmodified-since') ?? undefined,
  };
}

/** Throws `precondition-failed`. @param current what is there now; undefined: nothing. */
export function checkConditions(
  conditions: Conditions,
  current: Pick<Descriptor, 'digest' | 'date'> | undefined,
): void {
  const validators = current && {
    etag: `"${current.digest}"`,
    lastModified: Math.floor((current.date ?? 0) / 1000),
  };
  if (!addon.mayChange(conditions, validators)) throw new SealgateError('precondition-failed');
}
