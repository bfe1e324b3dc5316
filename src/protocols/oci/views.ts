// Views of repositories: how many tags, manifests and bytes each has. One is remembered until something of
// its repository changes: its names, and what they point at, are looked up, and no manifest is read.

import { setNewest } from '../../newest_map.ts';
import { type Registry, targetOf } from './registry.ts';
import { bytesInAll, bytesOnce, listed, partsOf, type Survey, withParts } from './survey.ts';

/** Times are milliseconds since the epoch. */
export interface RepositoryView {
  bucket: string;
  /** With the prefix of its site. */
  repository: string;
  tags: number;
  manifests: number;
  blobs: number;
  /** What it has, each once. */
  bytes: number;
  /** Its manifests with what each names: what several name counts for each. */
  totalBytes: number;
  /** Of what no manifest names. */
  freeBytes: number;
  /** When a manifest or tag was pushed last; absent: none was. */
  pushed?: number;
  /** GET of manifests; absent: they are not counted. */
  pulls?: number;
  /** When it was pulled last; absent: it never was. */
  pulled?: number;
}

/** Repositories of which a view is remembered: some hundred bytes each. */
const mostRemembered = 20_000;

type Counts = Omit<RepositoryView, 'bucket' | 'repository' | 'pulls' | 'pulled'>;

export class Views {
  readonly #known = new Map<string, { mark: string; counts: Counts }>();

  async of(registry: Registry, name: string): Promise<RepositoryView> {
    const { bucket, prefix, site, common } = registry;
    const repository = prefix + name;
    const counts = await this.#counts(registry, name);
    const isCounted = site?.registry?.countPulls === true;
    return { bucket, repository, ...counts, ...(isCounted && common.pulls.of(bucket, repository)) };
  }

  async #counts(registry: Registry, name: string): Promise<Counts> {
    const key = `${registry.bucket}/${registry.prefix}${name}`;
    const { survey, mark } = await listed(registry, targetOf(registry, name, '').names);
    const known = this.#known.get(key);
    if (known?.mark === mark) {
      setNewest(this.#known, key, known, mostRemembered);
      return known.counts;
    }
    const counts = countsOf(await withParts(registry, survey));
    // What cannot be read may be read the next time.
    if (survey.unread.length === 0) setNewest(this.#known, key, { mark, counts }, mostRemembered);
    return counts;
  }
}

function countsOf(survey: Survey): Counts {
  const { tags, manifests, blobs } = survey;
  const named = partsOf(manifests.values());
  const free = blobs.filter(({ digest }) => !named.has(digest));
  const pushed = [...tags, ...manifests.values()].reduce((last, { created }) => Math.max(last, created), 0);
  return {
    ...{ tags: tags.length, manifests: manifests.size, blobs: blobs.length },
    ...{ bytes: bytesOnce(survey), totalBytes: bytesInAll(survey) },
    freeBytes: free.reduce((sum, { size }) => sum + size, 0),
    ...(pushed > 0 && { pushed }),
  };
}
