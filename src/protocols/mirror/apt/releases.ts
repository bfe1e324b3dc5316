// Releases: which indexes belong together. A new Release file is taken into use when all indexes are there
// that it lists in place of those that are here: then everybody gets the new ones, and until then nobody.
// The indexes of before stay, by their digests, for clients that have the Release file of before.

import { SealgateError } from '../../../errors.ts';
import { setNewest } from '../../../newest_map.ts';
import { keyOf } from '../../../objects/found.ts';
import type { Listed, Release } from '../../../upstream/documents/apt_release.ts';
import type { Landed } from '../../../upstream/flights.ts';
import { fill } from '../filling.ts';
import type { Mirror } from '../mirror.ts';
import { lastingName, type ReleaseFile, releaseRule, ruleOf, under } from './names.ts';

/** What a Release file says. */
export interface Snapshot extends Omit<Release, 'files'> {
  /** Of the Release file. */
  digest: string;
  files: Map<string, Listed>;
}

interface Known {
  current: Snapshot;
  /** Those of before, the newest first, with when they were replaced, in milliseconds since the epoch. */
  before: { snapshot: Snapshot; until: number }[];
}

/** Suites that are remembered. */
const mostRoots = 200;
/** Releases of before whose indexes stay, and milliseconds for which they do. */
const mostBefore = 8;
const keptBefore = 7 * 86_400_000;
/** Indexes that are fetched at a time. */
const atOnce = 4;

export class Releases {
  readonly #mirror: Mirror;
  /** By folder, the one that was used last at the end. */
  readonly #known = new Map<string, Known>();
  /** What was read of Release files, by their digests. */
  readonly #read = new Map<string, Promise<Snapshot>>();

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  roots(): string[] {
    return [...this.#known.keys()];
  }

  /** What is in use below a folder. Rejects when it cannot be read. */
  async current(root: string): Promise<Snapshot | undefined> {
    const digest = this.#leading(root);
    return digest === undefined ? undefined : this.#use(root, digest);
  }

  /** What is or was in use, the newest first. */
  async all(root: string): Promise<Snapshot[]> {
    const current = await this.current(root);
    if (!current) return [];
    return [current, ...(this.#known.get(root)?.before ?? []).map(({ snapshot }) => snapshot)];
  }

  // InRelease is what clients ask for first.
  #leading(root: string): string | undefined {
    return this.digestOf(under(root, 'InRelease')) ?? this.digestOf(under(root, 'Release'));
  }

  /** What is held under a name; undefined: nothing. */
  digestOf(name: string): string | undefined {
    return this.#mirror.services.objects.digestOf(this.at(name));
  }

  at(name: string) {
    const { bucket, prefix } = this.#mirror;
    return { bucket, name: prefix + name };
  }

  async #use(root: string, digest: string): Promise<Snapshot> {
    const known = this.#known.get(root);
    const isSame = known?.current.digest === digest;
    const { objects } = this.#mirror.services;
    const parse = () => this.#parse(objects.pathOf(digest), digest);
    const current = isSame ? known.current : await parse().catch((error) => this.#doubt(digest, error));
    // Another request may have found it meanwhile.
    const now = this.#known.get(root) ?? { current, before: [] };
    setNewest(this.#known, root, now, mostRoots);
    if (now.current.digest !== digest) {
      const until = Date.now() + keptBefore;
      const before = [{ snapshot: now.current, until }, ...now.before];
      now.before = before.filter(({ until }, at) => at === 0 || until > Date.now()).slice(0, mostBefore);
      now.current = current;
    }
    return current;
  }

  // Its file may have been damaged: then it is fetched again when it is next asked for.
  async #doubt(digest: string, error: unknown): Promise<never> {
    await this.#mirror.services.objects.prove(digest, 'content').catch(() => {});
    throw error;
  }

  #parse(path: string, digest: string): Promise<Snapshot> {
    const known = this.#read.get(digest);
    if (known) return known;
    const { documents } = this.#mirror.shared;
    const read = documents.read('readRelease', { path, digest }).then(({ files, ...release }) => ({
      ...{ ...release, digest },
      files: new Map(files.map((file) => [file.path, file])),
    }));
    setNewest(this.#read, digest, read, mostRoots);
    read.catch(() => this.#read.delete(digest));
    return read;
  }

  /** See Check. */
  async isTaken(
    root: string,
    file: Exclude<ReleaseFile, 'Release.gpg'>,
    come: { file: string; digest: string },
  ): Promise<boolean> {
    const next = await this.#parse(come.file, come.digest).catch((error: Error) => {
      throw this.#refused(root, file, 'upstream-unusable', error.message);
    });
    const follows = file === 'Release' && this.digestOf(under(root, 'InRelease')) !== undefined;
    const isAlone = follows && (await this.#isGone(root, next));
    if (follows && !isAlone) return true;
    const current = await this.current(root);
    if (current && next.date < current.date) {
      const [is, was] = [next.date, current.date].map((date) => new Date(date).toISOString());
      const { log } = this.#mirror.services;
      log.warn(
        { root, file, is, was },
        'a Release file is older than the one that is here, and is not taken',
      );
      return false;
    }
    if (current) await this.#complete(root, file, current, next);
    const { freshness } = this.#mirror;
    // They are asked for anew, whatever was said of them.
    for (const other of ['Release', 'Release.gpg'].filter((each) => each !== file))
      freshness.keep(keyOf(this.at(under(root, other))), 0);
    if (isAlone) await this.#forgetInRelease(root);
    return true;
  }

  // It would count more than the Release file that is stored next.
  async #forgetInRelease(root: string): Promise<void> {
    const { bucket, name } = this.at(under(root, 'InRelease'));
    this.#mirror.services.log.warn({ root }, 'an upstream has no InRelease any more: Release counts alone');
    await this.#mirror.shared.space.forget(bucket, [name]);
  }

  /**
   * What stands in InRelease and in Release has to be the same. Resolves with whether the upstream has no
   * InRelease any more. Rejects when what it has says something else.
   */
  async #isGone(root: string, next: Snapshot): Promise<boolean> {
    const isSame = async () => {
      const current = await this.current(root);
      return current?.files.size === next.files.size && [...next.files].every(isIn(current));
    };
    if (await isSame()) return false;
    const at = this.at(under(root, 'InRelease'));
    const { kind } = await fill(this.#mirror, {
      ...{ at, name: under(root, 'InRelease'), rule: releaseRule },
      current: await this.#mirror.services.objects.head(at),
      check: (come) => this.isTaken(root, 'InRelease', come),
    }).landed;
    if (kind === 'absent') return true;
    if (await isSame()) return false;
    throw this.#refused(root, 'Release', 'upstream-failed', 'it lists other indexes than InRelease');
  }

  /** Fetches what `next` has in place of indexes that are here. */
  async #complete(root: string, file: string, current: Snapshot, next: Snapshot): Promise<void> {
    const missing = [...current.files].flatMap(([path, before]) => {
      const listed = next.files.get(path);
      const isNew = listed !== undefined && listed.sha256 !== before.sha256;
      const isUsed = isNew && this.digestOf(lastingName(root, before)) !== undefined;
      return isUsed && this.digestOf(lastingName(root, listed)) === undefined ? [listed] : [];
    });
    while (missing.length > 0) {
      const now = missing.splice(0, atOnce);
      const landed = await Promise.all(now.map((listed) => this.fetch(root, listed, next)));
      for (const [at, { kind }] of landed.entries())
        if (kind !== 'stored' && kind !== 'not-modified')
          throw this.#refused(
            root,
            file,
            'upstream-failed',
            `it lists ${now[at]?.path}, which is not to be had`,
          );
    }
  }

  /** Fetches an index that is not here. */
  async fetch(root: string, listed: Listed, { byHash }: Snapshot): Promise<Landed> {
    const lasting = lastingName(root, listed);
    const name = byHash ? lasting : under(root, listed.path);
    const missing = { at: this.at(lasting), name, rule: ruleOf(listed), current: undefined };
    return fill(this.#mirror, missing).landed;
  }

  #refused(
    root: string,
    file: string,
    code: 'upstream-failed' | 'upstream-unusable',
    why: string,
  ): SealgateError {
    this.#mirror.services.log.warn({ root, file, why }, 'a Release file is not taken into use');
    return new SealgateError(code, `${file} is not taken into use: ${why}.`);
  }
}

function isIn({ files }: Snapshot) {
  return ([path, { sha256 }]: [string, Listed]) => files.get(path)?.sha256 === sha256;
}
