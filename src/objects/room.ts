// Room: whether a bucket's quota has room for what a request announces, so that its body is not received in
// vain. What counts is asked once more when the name is committed.

import type { Descriptor, Store } from '../store/store.ts';

/**
 * Throws `quota-reached`. @param size bytes of the body; undefined: they are not known yet.
 * @param current what the name points at.
 */
export function checkRoom(
  store: Pick<Store, 'checkRoom'>,
  bucket: string,
  size: number | undefined,
  current: Pick<Descriptor, 'size'> | undefined,
): void {
  // They may be the bytes that it points at already, which take nothing.
  if (current && (size === undefined || size === current.size)) return;
  store.checkRoom(bucket, { objects: 1, bytes: size ?? 0 });
}
