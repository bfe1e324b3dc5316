// Packages: which digests the files of the pool have, as the indexes that are held say.

import type { Looking } from '../../../upstream/documents/apt_packages.ts';
import type { Format } from '../../../upstream/documents/document.ts';
import type { Mirror } from '../mirror.ts';
import { baseOf, lastingName, packagesFormat, under } from './names.ts';
import type { Releases, Snapshot } from './releases.ts';

/** Archives that are remembered to have been looked through. */
const mostBases = 1000;
/** Suites of an archive that are looked at after a start. */
const mostSuites = 100;

/** Indexes that are looked for because of one file. A suite of Debian lists some hundred. */
const mostIndexes = 10_000;

/** An index of packages, where it is kept. */
interface Index {
  name: string;
  format: Format;
}

function indexesOf(root: string, { files }: Snapshot): Index[] {
  const found: Index[] = [];
  for (const listed of files.values()) {
    const format = packagesFormat(listed.path);
    if (format !== undefined) found.push({ name: lastingName(root, listed), format });
    if (found.length === mostIndexes) break;
  }
  return found;
}

export class Packages {
  readonly #mirror: Mirror;
  readonly #releases: Releases;
  readonly #searched = new Set<string>();
  /** The indexes of packages that a Release file lists. */
  readonly #listed = new WeakMap<Snapshot, Index[]>();

  constructor(mirror: Mirror, releases: Releases) {
    this.#mirror = mirror;
    this.#releases = releases;
  }

  /** The SHA-256 of a file; undefined: no index that is held lists it. */
  async digestOf(name: string): Promise<string | undefined> {
    await this.#search(name);
    const { log } = this.#mirror.services;
    let left = mostIndexes;
    for (const root of this.#releases.roots()) {
      const base = baseOf(root);
      if (base !== '' && !name.startsWith(`${base}/`)) continue;
      const listed = this.#listedIn(root, await this.#releases.all(root)).slice(0, left);
      left -= listed.length;
      const indexes = listed.flatMap((each) => this.#held(each));
      const looking: Looking = { indexes, name: base === '' ? name : name.slice(base.length + 1) };
      const { documents } = this.#mirror.shared;
      const { sha256, unread } = await documents.read('findPackage', looking);
      for (const why of unread) log.warn({ root, why }, 'an index of packages cannot be read');
      if (sha256 !== undefined) return sha256;
    }
    log.info(
      { name },
      'no index of packages that is here tells the digest of a file: it is kept as it comes',
    );
    return undefined;
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
    if (digest === undefined) return [];
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
