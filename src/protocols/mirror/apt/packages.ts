// Packages: which digests the files of the pool have, as the indexes that are held say.

import type { Looking } from '../../../upstream/documents/apt_packages.ts';
import type { Mirror } from '../mirror.ts';
import { baseOf, lastingName, packagesFormat, under } from './names.ts';
import type { Releases, Snapshot } from './releases.ts';

/** Archives that are remembered to have been looked through. */
const mostBases = 1000;
/** Suites of an archive that are looked at after a start. */
const mostSuites = 100;

export class Packages {
  readonly #mirror: Mirror;
  readonly #releases: Releases;
  readonly #searched = new Set<string>();

  constructor(mirror: Mirror, releases: Releases) {
    this.#mirror = mirror;
    this.#releases = releases;
  }

  /** The SHA-256 of a file; undefined: no index that is held lists it. */
  async digestOf(name: string): Promise<string | undefined> {
    await this.#search(name);
    const { log } = this.#mirror.services;
    for (const root of this.#releases.roots()) {
      const base = baseOf(root);
      if (base !== '' && !name.startsWith(`${base}/`)) continue;
      const indexes = (await this.#releases.all(root)).flatMap((each) => this.#held(root, each));
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

  #held(root: string, { files }: Snapshot): Looking['indexes'] {
    return [...files.values()].flatMap((listed) => {
      const format = packagesFormat(listed.path);
      const digest = format === undefined ? undefined : this.#releases.digestOf(lastingName(root, listed));
      const { objects } = this.#mirror.services;
      return format === undefined || digest === undefined
        ? []
        : [{ path: objects.pathOf(digest), digest, format }];
    });
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
