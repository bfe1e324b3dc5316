// OlderVersion: one version of a name that is to be pointed at again.

import { SealgateError } from '../errors.ts';
import type { Descriptor, Store } from '../store/store.ts';

/**
 * What the version points at. Throws `not-found` where there is no such version, or no bytes of it any more,
 * and `name-deleted` where it is a deletion.
 */
export function olderVersion(
  store: Pick<Store, 'version' | 'blob'>,
  { bucket, name }: { bucket: string; name: string },
  version: number,
): Descriptor {
  const ref = store.version(bucket, name, version);
  if (ref === undefined) throw new SealgateError('not-found', `There is no version ${version} of the name.`);
  if (ref.deleted) throw new SealgateError('name-deleted', `Version ${version} is a deletion.`);
  if (store.blob(ref.digest) === undefined)
    throw new SealgateError('not-found', `The bytes of version ${version} are no longer stored.`);
  return ref;
}
