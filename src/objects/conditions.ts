// The conditions of a request that changes something (RFC 9110 13.1). The engine evaluates them, as it does
// those of requests that read.

import { SealgateError } from '../errors.ts';
import { addon, type Conditions } from '../native/addon.ts';
import type { Descriptor, NewRef, Store } from '../store/store.ts';
import type { Name } from './found.ts';
import type { CopyRequest } from './requests.ts';
import { checkStanding } from './standing.ts';

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

/**
 * Throws `precondition-failed`. @param there what the name points at. @param hasOther the servers that share
 * the bucket have recorded of the name that it points at other bytes, or at nothing any more.
 */
export function checkCopy(
  store: Pick<Store, 'resolve' | 'version'>,
  { digest }: NewRef,
  to: Name,
  { conditions, overwrite = true, over }: CopyRequest,
  { there, hasOther }: { there: Descriptor | undefined; hasOther: boolean },
): void {
  if (there && !overwrite)
    throw new SealgateError('precondition-failed', 'The destination exists, and Overwrite is F.');
  checkConditions(conditions, there);
  // What is to be over something is an upload whose bytes were placed, and before that its record was
  // written: another record is of a later change.
  if (over && hasOther)
    throw new SealgateError('precondition-failed', 'The name was changed meanwhile, by another server.');
  if (over) checkStanding(store, to, over, there, digest);
}
