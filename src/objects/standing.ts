// Standing: what a name pointed at when something began that points it elsewhere later, and whether it still
// does.

import { SealgateError } from '../errors.ts';
import type { Descriptor, Store } from '../store/store.ts';
import type { Name } from './found.ts';

export interface Standing {
  /** The newest version; 0: there was none. */
  version: number;
  /** What it pointed at; absent: nothing. */
  digest?: string;
}

type Versions = Pick<Store, 'resolve' | 'version'>;

/** Of older versions no more are looked at. */
const mostVersions = 1000;

export function standingOf(store: Versions, { bucket, name }: Name): Standing {
  const ref = store.resolve(bucket, name);
  return { version: ref?.version ?? 0, ...(ref?.deleted === false && { digest: ref.digest }) };
}

/** Whether a name has got these bytes since. It may have got others after them. */
export function hasGot(store: Versions, at: Name, digest: string, since: Standing): boolean {
  const { version: newest } = standingOf(store, at);
  for (let each = newest; each > Math.max(since.version, newest - mostVersions); each--) {
    const ref = store.version(at.bucket, at.name, each);
    if (ref?.deleted === false && ref.digest === digest) return true;
  }
  return false;
}

/**
 * Throws `precondition-failed` when a name has been written since. @param there what it points at, which
 * another server that shares the bucket may have written. @param digest that it is to point at.
 */
export function checkStanding(
  store: Versions,
  at: Name,
  since: Standing,
  there: Pick<Descriptor, 'digest'> | undefined,
  digest: string,
): void {
  const isSame = there === undefined || there.digest === since.digest || there.digest === digest;
  if (isSame && standingOf(store, at).version === since.version) return;
  throw new SealgateError('precondition-failed', 'The name has been written meanwhile.');
}
