// Packages: which digests the files of the pool have, as the indexes that are held say.

import { hasCode, SealgateError } from '../../../errors.ts';
import { setNewest } from '../../../newest_map.ts';
import type { Looking } from '../../../upstream/documents/apt_packages.ts';
import type { Format } from '../../../upstream/documents/document.ts';
import type { Mirror } from '../mirror.ts';
import { isHeld } from '../named.ts';
import { baseOf, indexesFor, lastingName, packagesIndex, under } from './names.ts';
import type { Releases, Snapshot } from './releases.ts';

/** Archives that are remembered to have been looked through. */
const mostBases = 1000;
/** Suites of an archive that are looked at after a start. */
const mostSuites = 100;

/** Indexes that are looked for because of one file. A suite of Debian lists some hundred. */
const mostIndexes = 10_000;

/** Indexes of a suite that are fetched because of one file, and milliseconds before they are once more. */
const mostFetched = 4;
const fetchAgainMs = 60_000;
const mostFetches = 1000;

/** An index of packages, where it is kept. */
interface Index {
  name: string;
  /** Undefined: it cannot be read. */
  format: Format | undefined;
  path: string;
}

function indexesOf(root: string, { files }: Snapshot): Index[] {
  const found: Index[] = [];
  for (const listed of files.values()) {
    const index = packagesIndex(listed.path);
    if (index) found.push({ name: lastingName(root, listed), path: listed.path, ...index });
    if (found.length === mostIndexes) break;
  }
  return found;
}

export class Packages {
  readonly #mirror: Mirror;
  readonly #releases: Releases;
  readonly #searched = new Set<string>();
  /** Indexes that were fetched because of a file, with when they may be once more. */
  readonly #fetched = new Map<string, number>();
  /** The indexes of packages that a Release file lists. */
  readonly #listed = new WeakMap<Snapshot, Index[]>();

  constructor(mirror: Mirror, releases: Releases) {
    this.#mirror = mirror;
    this.#releases = releases;
  }

  /**
   * The SHA-256 of a file; undefined: no index lists it. Those that are held are looked at first; for a file
   * that is not held one that is not here, or not any more, is fetched. Rejects when it cannot be.
   */
  async digestOf(name: string): Promise<string | undefined> {
    await this.#search(name);
    const roots = this.#releases.roots().flatMap((root) => {
      const base = baseOf(root);
      if (base !== '' && !name.startsWith(`${base}/`)) return [];
      return [{ root, below: base === '' ? name : name.slice(base.length + 1) }];
    });
    const unread: string[] = [];
    let left = mostIndexes;
    for (const { root, below } of roots) {
      const listed = this.#listedIn(root, await this.#releases.all(root)).slice(0, left);
      left -= listed.length;
      const sha256 = await this.#find(root, below, listed, unread);
      if (sha256 !== undefined) return sha256;
    }
    for (const { root, below } of isHeld(this.#mirror, name) ? [] : roots) {
      const fetched = await this.#fetch(root, below);
      const sha256 = await this.#find(root, below, fetched, unread);
      if (sha256 !== undefined) return sha256;
    }
    this.#mirror.services.log.info(
      { name, ...(unread.length > 0 && { unread: unread.slice(0, 10) }) },
      'no index of packages that can be read tells the digest of a file: it is kept as it comes',
    );
    return undefined;
  }

  /** @param unread indexes that cannot be read are added to it. */
  async #find(
    root: string,
    name: string,
    listed: readonly Index[],
    unread: string[],
  ): Promise<string | undefined> {
    const held = listed.filter((each) => this.#releases.digestOf(each.name) !== undefined);
    unread.push(...held.filter(({ format }) => format === undefined).map(({ path }) => under(root, path)));
    const looking: Looking = { indexes: held.flatMap((each) => this.#held(each)), name };
    if (looking.indexes.length === 0) return undefined;
    const found = await this.#mirror.shared.documents.read('findPackage', looking);
    const { log } = this.#mirror.services;
    for (const why of found.unread) log.warn({ root, why }, 'an index of packages cannot be read');
    return found.sha256;
  }

  /** Indexes of the suite that may list the file and were not here: fetched, but not again and again. */
  async #fetch(root: string, below: string): Promise<Index[]> {
    const current = await this.#releases.current(root);
    if (!current) return [];
    const found: Index[] = [];
    for (const listed of indexesFor(below, current.files.values(), mostFetched)) {
      const name = lastingName(root, listed);
      if (this.#releases.digestOf(name) !== undefined || (this.#fetched.get(name) ?? 0) > Date.now())
        continue;
      setNewest(this.#fetched, name, Date.now() + fetchAgainMs, mostFetches);
      const landed = await this.#releases.fetch(root, listed, current);
      // Other bytes than the Release file says: the upstream moves on just now, and the log says so.
      if (landed.kind === 'failed' && !hasCode(landed.error, 'upstream-unusable')) {
        this.#fetched.delete(name);
        throw landed.error instanceof SealgateError ? landed.error : new SealgateError('upstream-failed');
      }
      found.push({ name, path: listed.path, format: packagesIndex(listed.path)?.format });
    }
    return found;
  }

  /** Of several Release files, the newest first; most of an archive's indexes are in all of them. */
  #listedIn(root: string, snapshots: readonly Snapshot[]): Index[] {
    const all = snapshots.flatMap((each) => {
      const known = this.#listed.get(each) ?? indexesOf(root, each);
      this.#listed.set(each, known);
      return known;
    });
    return [...new Map(all.map((index) => [index.name + index.format, index])).values()];
  }

  #held({ name, format }: Index): Looking['indexes'] {
    const digest = this.#releases.digestOf(name);
    if (digest === undefined || format === undefined) return [];
    return [{ path: this.#mirror.services.objects.pathOf(digest), digest, format }];
  }

  // After a start nobody may have asked for a Release file so far.
  async #search(name: string): Promise<void> {
    const pool = name.startsWith('pool/') ? 0 : name.indexOf('/pool/');
    const base = pool > 0 ? name.slice(0, pool) : '';
    if (pool < 0 || this.#searched.has(base) || this.#searched.size >= mostBases) return;
    this.#searched.add(base);
    const { objects } = this.#mirror.services;
    const { bucket, name: prefix } = this.#releases.at(under(base, 'dists/'));
    const { prefixes } = await objects.list(bucket, { prefix, delimiter: '/', after: '', limit: mostSuites });
    for (const suite of prefixes)
      await this.#releases.current(suite.slice(this.#mirror.prefix.length, -1)).catch(() => {});
  }
}
