// An apt repository, mirrored as it is asked for.

import type { EngineRequest } from '../../../engine/engine_request.ts';
import type { Answer } from '../../../engine/plan.ts';
import { byItsName, type KeptAsOf } from '../kept_as.ts';
import type { Kind } from '../kinds.ts';
import type { Mirror } from '../mirror.ts';
import { lasting } from '../named.ts';
import { askedFor, readAt, readByRule, readLocal } from '../read_object.ts';
import {
  type ByHash,
  byHashOf,
  foldersAbove,
  isLasting,
  lastingName,
  type ReleaseFile,
  releaseFileOf,
  releaseRule,
  ruleOf,
  ruleOfByHash,
  under,
} from './names.ts';
import { Packages } from './packages.ts';
import { Releases, type Snapshot } from './releases.ts';

interface Asking {
  request: EngineRequest;
  grant: string;
  name: string;
}

export const apt: Kind = (mirror, resources) => {
  const served = new Apt(mirror);
  return resources.at('/:name{.*}', { GET: (request) => served.read(request) });
};

export const keptInApt: KeptAsOf = (_, name) => {
  const byHash = byHashOf(name);
  if (byHash) return { rule: ruleOfByHash(byHash), proof: byItsName };
  if (releaseFileOf(name)) return { rule: releaseRule };
  return isLasting(name) ? { rule: lasting } : {};
};

class Apt {
  readonly #mirror: Mirror;
  readonly #releases: Releases;
  readonly #packages: Packages;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
    this.#releases = new Releases(mirror);
    this.#packages = new Packages(mirror, this.#releases);
  }

  async read(request: EngineRequest): Promise<Answer> {
    const asking = { request, ...askedFor(this.#mirror, request) };
    const { name, grant } = asking;
    const local = await readLocal(this.#mirror, request, grant);
    if (local) return local;
    const byHash = byHashOf(name);
    if (byHash) return this.#byHash(asking, byHash);
    const release = releaseFileOf(name);
    const index = await this.#index(asking);
    if (index) return index;
    if (release) return this.#release(asking, release.root, release.file);
    if (!isLasting(name)) return readByRule(this.#mirror, { ...asking, isExact: true });
    const sha256 = await this.#packages.digestOf(name);
    return readByRule(this.#mirror, asking, { immutable: true, sha256 });
  }

  #release(asking: Asking, root: string, file: ReleaseFile): Promise<Answer> {
    if (file === 'Release.gpg') return readByRule(this.#mirror, { ...asking, isExact: true }, releaseRule);
    const check = (come: { file: string; digest: string }) => this.#releases.isTaken(root, file, come);
    return readByRule(this.#mirror, { ...asking, isExact: true, check }, releaseRule);
  }

  /** An index that a Release file lists, as that says. */
  async #index({ name, ...asking }: Asking): Promise<Answer | undefined> {
    for (const root of foldersAbove(name)) {
      const current = await this.#releases.current(root);
      const listed = current?.files.get(root === '' ? name : name.slice(root.length + 1));
      if (!current || !listed) continue;
      const lasting = lastingName(root, listed);
      const from = current.byHash ? lasting : name;
      const rule = ruleOf(listed);
      return readAt(this.#mirror, {
        ...{ ...asking, name: from, at: this.#releases.at(lasting), rule },
        ...{ isExact: true },
      });
    }
    return undefined;
  }

  async #byHash(asking: Asking, asked: ByHash): Promise<Answer> {
    for (const root of foldersAbove(under(asked.folder, '-'))) {
      const found = (await this.#releases.all(root)).map((each) => listedIn(each, root, asked)).find(Boolean);
      if (!found) continue;
      const { listed, byHash } = found;
      const lasting = lastingName(root, listed);
      const name = byHash ? asking.name : under(root, listed.path);
      return readAt(this.#mirror, { ...asking, name, at: this.#releases.at(lasting), rule: ruleOf(listed) });
    }
    const at = this.#releases.at(asking.name);
    return readAt(this.#mirror, { ...asking, at, rule: ruleOfByHash(asked) });
  }
}

function listedIn({ files, byHash }: Snapshot, root: string, { folder, hash, hex }: ByHash) {
  if (hash === 'sha1') return undefined;
  for (const listed of files.values())
    if (listed[hash] === hex && lastingName(root, listed).startsWith(under(folder, 'by-hash/')))
      return { listed, byHash };
  return undefined;
}
