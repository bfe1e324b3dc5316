// What all registries of a server have in common: sites of one bucket, and the same site before and after its
// configuration is read again, are the same repositories.

import { KeyedLock } from '../../keyed_lock.ts';
import type { Objects } from '../../objects/objects.ts';
import type { Services } from '../../sites/mount.ts';
import { Marks, type Noted } from './marks.ts';
import { NamedByManifests } from './named.ts';
import { Pulls } from './pulls.ts';
import { RepositoryUsage } from './repository_quota.ts';

export class Common {
  /** Changes of a repository come one after another, by its bucket and what its names begin with. */
  readonly locks = new KeyedLock();
  readonly named: NamedByManifests;
  readonly marks: Marks;
  readonly pulls: Pulls;
  readonly usage = new RepositoryUsage();
  readonly #watched = new Map<string, Set<Set<string>>>();

  constructor(objects: Objects, noted: Noted) {
    this.named = new NamedByManifests(objects);
    this.marks = new Marks(noted);
    this.pulls = new Pulls(noted);
  }

  /** Collects the digests of what is pushed to a repository from now on, or named by that. */
  watch(repository: string): { pushed: ReadonlySet<string>; end(): void } {
    const pushed = new Set<string>();
    const all = this.#watched.get(repository) ?? new Set();
    this.#watched.set(repository, all.add(pushed));
    const end = () => {
      all.delete(pushed);
      if (all.size === 0) this.#watched.delete(repository);
    };
    return { pushed, end };
  }

  pushes(repository: string, digests: Iterable<string>): void {
    const all = this.#watched.get(repository);
    if (all) for (const digest of digests) for (const pushed of all) pushed.add(digest);
  }
}

const known = new WeakMap<Objects, Common>();

export function commonOf({ objects, uses }: Pick<Services, 'objects' | 'uses'>): Common {
  if (!uses) throw new Error('a registry notes what is not needed');
  const common = known.get(objects) ?? new Common(objects, uses);
  known.set(objects, common);
  return common;
}
