// Sources: which stored bytes a client may point a name at by their digest alone. A digest is no secret, and
// naming bytes makes them readable, so it takes a right to read them that the client has already.

import type { Descriptor, Store } from '../store/store.ts';
import type { Name } from './found.ts';

/** Whether a client may do something with all of a bucket, or with all buckets (`*`). */
export type May = (action: 'read' | 'write', bucket: string) => boolean;

/** Most names of a bucket that are looked at for one that points at the bytes now. */
const mostNames = 1000;

/**
 * Whether somebody who may write to `bucket` finds the bytes where they may read: as the newest version of a
 * name, or as any version in a bucket where they may restore it, as in `bucket` itself. What is not stored is
 * found nowhere.
 */
export function findsBytes(
  store: Pick<Store, 'bucketsOf' | 'namesOf' | 'resolve'>,
  digest: string,
  bucket: string,
  may: May,
): boolean {
  for (const each of store.bucketsOf(digest)) {
    if (each === bucket) return true;
    if (may('read', each) && (may('write', each) || isNow(store, digest, each))) return true;
  }
  return false;
}

function isNow(store: Pick<Store, 'namesOf' | 'resolve'>, digest: string, bucket: string): boolean {
  let looked = 0;
  for (const name of store.namesOf(digest, bucket)) {
    const ref = store.resolve(bucket, name);
    if (ref?.deleted === false && ref.digest === digest) return true;
    if (++looked === mostNames) return false;
  }
  return false;
}

/** What a name points at; undefined where nothing, or its bytes are not on record as stored. Synchronous. */
export function present(
  store: Pick<Store, 'resolve' | 'blob'>,
  { bucket, name }: Name,
): Descriptor | undefined {
  const ref = store.resolve(bucket, name);
  return ref?.deleted === false && store.blob(ref.digest) ? ref : undefined;
}
