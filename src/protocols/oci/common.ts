// What all registries of a server have in common: sites of one bucket, and the same site before and after its
// configuration is read again, are the same repositories.

import { KeyedLock } from '../../keyed_lock.ts';
import type { Objects } from '../../objects/objects.ts';
import { NamedByManifests } from './named.ts';

export interface Common {
  /** Changes of a repository come one after another, by its bucket and what its names begin with. */
  locks: KeyedLock;
  named: NamedByManifests;
}

const known = new WeakMap<Objects, Common>();

export function commonOf(objects: Objects): Common {
  const common = known.get(objects) ?? { locks: new KeyedLock(), named: new NamedByManifests(objects) };
  known.set(objects, common);
  return common;
}
