// Quotas of repositories: how many bytes one may have. What it has is counted once, then kept up to date, and
// counted anew from time to time, as other doors change it as well.

import { SealgateError } from '../../errors.ts';
import { covers } from '../../scopes.ts';
import { allNames } from './listing.ts';
import { at, keyOf, type Registry, type Target } from './registry.ts';

/** Milliseconds for which a count is taken for true. */
const goodFor = 60_000;

interface Counted {
  bytes: Promise<number>;
  /** Of what was stored since. */
  added: number;
  at: number;
}

/** Counts of the repositories of a server, by what they are called among all. */
export class RepositoryUsage {
  readonly #counted = new Map<string, Counted>();
  /** Bytes that are being stored. */
  readonly #coming = new Map<string, number>();

  /** Rejects with `quota-reached`. Else there is room until it is settled. */
  async reserve(registry: Registry, target: Target, name: string, size: number): Promise<Reserved> {
    const quota = quotaOf(registry, target);
    if (quota === undefined || registry.services.objects.digestOf(at(registry, name)) !== undefined)
      return nothing;
    const key = keyOf(registry.bucket, target.names);
    const counted = this.#count(registry, target, key);
    const used = (await counted.bytes) + counted.added + (this.#coming.get(key) ?? 0);
    if (used + size > quota)
      throw new SealgateError(
        'quota-reached',
        `Repository ${target.repository} has a quota of ${quota} bytes, of which ${used} are used; this ` +
          `would add ${size}.`,
      );
    this.#come(key, size);
    const settle = (isStored: boolean) => {
      this.#come(key, -size);
      if (isStored) counted.added += size;
    };
    return { settle };
  }

  /** Something of it went. */
  forget(registry: Registry, { names }: Pick<Target, 'names'>): void {
    this.#counted.delete(keyOf(registry.bucket, names));
  }

  #come(key: string, size: number): void {
    const coming = (this.#coming.get(key) ?? 0) + size;
    if (coming === 0) this.#coming.delete(key);
    else this.#coming.set(key, coming);
  }

  #count(registry: Registry, target: Target, key: string): Counted {
    const known = this.#counted.get(key);
    if (known && performance.now() - known.at < goodFor) return known;
    const counted = { bytes: bytesOf(registry, target), added: 0, at: performance.now() };
    counted.bytes.catch(() => this.#counted.delete(key));
    this.#counted.set(key, counted);
    return counted;
  }
}

interface Reserved {
  /** Call it once. */
  settle(isStored: boolean): void;
}

const nothing: Reserved = { settle: () => {} };

function quotaOf({ site }: Registry, { repository }: Target): number | undefined {
  return site?.registry?.quotas.find(({ repositories }) => covers(repositories, repository))?.bytes;
}

/** What the repository has twice, under a further digest, counts once. */
async function bytesOf(registry: Registry, { names }: Target): Promise<number> {
  const seen = new Set<string>();
  let bytes = 0;
  for (const prefix of [names.blobs, `${names.all}manifests/`])
    for await (const { digest, size } of allNames(registry, prefix)) {
      if (!seen.has(digest)) bytes += size;
      seen.add(digest);
    }
  return bytes;
}
