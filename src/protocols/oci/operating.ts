// Operating: what operators ask of registries: what repositories have, what keeps a blob in them, and that
// something of them is removed.

import type { Logger } from 'pino';
import { isDigest } from '../../digest.ts';
import { SealgateError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { repositoriesOf } from './listing.ts';
import { isRepository } from './names.ts';
import { pulledFrom } from './pull/pull.ts';
import { type Registry, type Target, targetOf } from './registry.ts';
import { type Removal, type Removed, removalOf, remove } from './removal.ts';
import { manifestsByDigest, type Survey, type SurveyedManifest, surveyOf } from './survey.ts';
import type { Upkeep, UpkeptRepository } from './upkeep.ts';
import { type RepositoryView, Views } from './views.ts';

export type { RepositoryView } from './views.ts';

/** Times are milliseconds since the epoch. */
export interface TagView {
  tag: string;
  digest: string;
  bytes: number;
  pushed: number;
}

/** What keeps a blob or manifest in a repository. */
export interface KeptIn {
  bucket: string;
  repository: string;
  kind: 'blob' | 'manifest';
  /** Manifests that name it, or it itself if it is one, with the tags through which they are needed. */
  manifests: { digest: string; tags: string[] }[];
  /** Since when nothing needs it; absent: something does, or nobody has looked yet. */
  unneeded?: number;
}

export interface Upkept {
  dryRun: boolean;
  repositories: UpkeptRepository[];
  /** Further ones that are not listed. */
  more: number;
}

export interface OperatingParts {
  upkeep: Upkeep;
  store: Pick<Store, 'bucketsOf' | 'namesOf'>;
  log: Logger;
}

/** Repositories of a page, and of the report of a round. */
const pageSize = 50;
const mostReported = 1000;
/** Tags and manifests that are named in a line of the log. */
const mostLogged = 100;
/** Repositories that one blob is looked for in. */
const mostKeepers = 1000;
/** Repositories that are looked at for the largest of them, and milliseconds until that is done anew. */
const mostLookedAt = 1000;
const lookAgainAfter = 60_000;

export class Operating {
  readonly #parts: OperatingParts;
  readonly #views = new Views();
  #running: Promise<unknown> = Promise.resolve();
  #looked: Promise<{ at: number; repositories: RepositoryView[] }> | undefined;
  #isLooking = false;

  constructor(parts: OperatingParts) {
    this.#parts = parts;
  }

  /** A page. @param after what the page before said. */
  async list(after: string): Promise<{ repositories: RepositoryView[]; next?: string }> {
    const [, number = '0', last = ''] = /^(\d{1,6}):(.*)$/.exec(after) ?? [];
    const registries = this.#registries();
    const repositories: RepositoryView[] = [];
    for (const [at, registry] of registries.entries()) {
      if (at < Number(number)) continue;
      for await (const name of repositoriesOf(registry, at === Number(number) ? last : '')) {
        repositories.push(await this.#views.of(registry, name));
        if (repositories.length === pageSize) return { repositories, next: `${at}:${name}` };
      }
    }
    return { repositories };
  }

  /**
   * Those that have most bytes, of as many as are looked at, as they were within the last minutes: looking at
   * all of them takes its time, which nobody waits for but who asks first.
   */
  async largest(most: number): Promise<RepositoryView[]> {
    if (this.#registries().length === 0) return [];
    this.#looked ??= this.#look();
    const looked = await this.#looked;
    if (performance.now() - looked.at > lookAgainAfter && !this.#isLooking) {
      this.#isLooking = true;
      const anew = this.#look();
      void anew.then(
        () => {
          this.#looked = anew;
          this.#isLooking = false;
        },
        () => {
          this.#isLooking = false;
        },
      );
    }
    return looked.repositories.slice(0, most);
  }

  async #look(): Promise<{ at: number; repositories: RepositoryView[] }> {
    const repositories: RepositoryView[] = [];
    try {
      for (const registry of this.#registries())
        for await (const name of repositoriesOf(registry)) {
          if (repositories.length === mostLookedAt) break;
          repositories.push(await this.#views.of(registry, name));
        }
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'repositories could not be looked at');
    }
    repositories.sort((a, b) => b.bytes - a.bytes);
    return { at: performance.now(), repositories };
  }

  /** The tags of a repository, newest first. Throws `not-found`. */
  async tags(bucket: string, name: string): Promise<TagView[]> {
    const { registry, target } = this.#find(bucket, name);
    const survey = await surveyOf(registry, target.names);
    if (survey.tags.length + survey.manifests.size + survey.blobs.length === 0) throw unknown(bucket, name);
    const sizes = new Map(survey.blobs.map(({ digest, size }) => [digest, size]));
    const tags = survey.tags.sort((a, b) => b.created - a.created);
    return tags.map(({ tag, hex, created }) => {
      const { size = 0, parts = [] } = survey.manifests.get(hex) ?? {};
      const bytes = parts.reduce((sum, { digest }) => sum + (sizes.get(digest) ?? 0), size);
      return { tag, digest: `sha256:${hex}`, bytes, pushed: created };
    });
  }

  /** @param hex SHA-256 of a blob or manifest. */
  async why(hex: string): Promise<KeptIn[]> {
    const { store } = this.#parts;
    if (!isDigest(hex)) throw new SealgateError('digest-mismatch', 'Expected a SHA-256 of 64 digits.');
    const found: KeptIn[] = [];
    for (const bucket of store.bucketsOf(hex)) {
      const repositories = new Set<string>();
      for (const name of store.namesOf(hex, bucket)) {
        const repository = /^(.+?)\/_(?:blobs|manifests)\//.exec(name)?.[1];
        if (repository !== undefined && repositories.size < mostKeepers) repositories.add(repository);
      }
      for (const repository of repositories) {
        const its = this.#lookFor(bucket, repository);
        if (its) found.push(...(await keptIn(its.registry, its.target, hex)));
      }
    }
    return found;
  }

  /** What would go, and with `yes` it goes. Throws `not-found`, and `name-taken` for what others name. */
  async remove({ bucket, repository, reference, yes }: Removal): Promise<Removed> {
    const { registry, target } = this.#find(bucket, repository);
    const removal = await removalOf(registry, target, reference);
    if (yes) await remove(registry, target, removal);
    return removal.report;
  }

  /** One round after another. */
  upkeep(how: {
    dryRun: boolean;
    signal?: AbortSignal;
    only?: { bucket: string; name: string };
  }): Promise<Upkept> {
    const mine = this.#running.then(() => this.#round(how));
    this.#running = mine.catch(() => {});
    return mine;
  }

  async #round(how: Parameters<Operating['upkeep']>[0]): Promise<Upkept> {
    const { upkeep, log } = this.#parts;
    const done: Upkept = { dryRun: how.dryRun, repositories: [], more: 0 };
    for await (const each of upkeep.run(how)) {
      if (done.repositories.length < mostReported) done.repositories.push(each);
      else done.more++;
      const { bucket, repository, tags, manifests, blobs, bytes, fault } = each;
      const about = { bucket, repository };
      if (fault !== undefined) log.warn({ ...about, fault }, 'a repository was not tidied');
      if (how.dryRun || tags.length + manifests.length + blobs === 0) continue;
      const some = { tags: tags.slice(0, mostLogged), manifests: manifests.slice(0, mostLogged) };
      log.info({ ...about, ...some, blobs, bytes }, 'removed from a repository what nothing needs');
    }
    return done;
  }

  #registries(): Registry[] {
    return this.#parts.upkeep.registries();
  }

  #find(bucket: string, name: string): { registry: Registry; target: Target } {
    const found = this.#lookFor(bucket, name);
    if (found) return found;
    throw unknown(bucket, name);
  }

  /** @param name with the prefix of its site. */
  #lookFor(bucket: string, name: string): { registry: Registry; target: Target } | undefined {
    const fits = this.#registries().filter(
      ({ bucket: its, prefix }) =>
        its === bucket && name.startsWith(prefix) && isRepository(name.slice(prefix.length)),
    );
    const [registry] = fits.sort((a, b) => b.prefix.length - a.prefix.length);
    return registry && { registry, target: targetOf(registry, name.slice(registry.prefix.length), '') };
  }
}

function unknown(bucket: string, name: string): SealgateError {
  return new SealgateError(
    'not-found',
    `No registry has a repository ${bucket}/${name}; 'sealgate repo ls' lists them.`,
  );
}

async function keptIn(registry: Registry, { names }: Target, hex: string): Promise<KeptIn[]> {
  const survey = await surveyOf(registry, names);
  const about = { bucket: registry.bucket, repository: names.all.slice(0, -'/_'.length) };
  const found: KeptIn[] = [];
  // Of what is pulled from others it is noted when it was used.
  const isPulled = pulledFrom(registry.pull, about.repository.slice(registry.prefix.length)) !== undefined;
  const since = (name: string) =>
    isPulled ? undefined : registry.common.marks.since({ bucket: registry.bucket, name });
  const digests = survey.blobs.filter((each) => each.hex === hex).map(({ digest }) => digest);
  for (const digest of digests) {
    const keepers = [...survey.manifests.values()].filter(({ parts }) =>
      parts.some((part) => part.digest === digest),
    );
    const [algorithm, value = ''] = digest.split(':');
    const name = names.blob({ algorithm: algorithm as 'sha256', hex: value });
    const unneeded = since(name);
    const manifests = keepers.map((each) => ({ digest: `sha256:${each.hex}`, tags: tagsOver(survey, each) }));
    found.push({ ...about, kind: 'blob', manifests, ...(unneeded !== undefined && { unneeded }) });
  }
  const manifest = survey.manifests.get(hex);
  if (!manifest) return found;
  const name = names.manifest({ algorithm: 'sha256', hex });
  const unneeded = since(name);
  const manifests = [{ digest: `sha256:${hex}`, tags: tagsOver(survey, manifest) }];
  return [...found, { ...about, kind: 'manifest', manifests, ...(unneeded !== undefined && { unneeded }) }];
}

/** The tags of a manifest, and of the indexes that name it, at any depth. */
function tagsOver(survey: Survey, manifest: SurveyedManifest): string[] {
  const byDigest = manifestsByDigest(survey);
  const parents = new Map<SurveyedManifest, SurveyedManifest[]>();
  for (const each of survey.manifests.values())
    for (const { digest } of each.parts) {
      const child = byDigest.get(digest);
      if (child) parents.set(child, [...(parents.get(child) ?? []), each]);
    }
  const over = new Set([manifest]);
  for (const each of over) for (const parent of parents.get(each) ?? []) over.add(parent);
  const hexes = new Set([...over].map(({ hex }) => hex));
  return survey.tags.filter(({ hex }) => hexes.has(hex)).map(({ tag }) => tag);
}
