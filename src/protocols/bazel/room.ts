// Room: what is not used is evicted before the body of an upload is received, where that has no room.

import { SealgateError } from '../../errors.ts';
import type { Name } from '../../objects/objects.ts';
import type { Cache } from './cache.ts';

/** Rejects with `body-too-large` and `store-full`. @param size bytes; undefined: they are not known yet. */
export async function makeRoom({ space }: Cache, at: Name, size: number | undefined): Promise<void> {
  const room = await space.room(at, size);
  if (room === 'passed')
    throw new SealgateError(
      'body-too-large',
      'The build cache has no room for it, by its maxBytes or quota.',
    );
  if (room === 'none') throw new SealgateError('store-full');
}
