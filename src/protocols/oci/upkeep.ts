// Upkeep of registries, in every round of collection: tags and manifests go by the rules of their site, and
// layers that no manifest of their repository names. Pushes go on meanwhile: each removal is decided again,
// under the lock of the repository and with what was pushed since it was looked at.

import { usualGrace } from '../../config/registry.ts';
import type { SiteConfig } from '../../config/sites.ts';
import { SealgateError } from '../../errors.ts';
import type { Name } from '../../objects/objects.ts';
import { covers } from '../../scopes.ts';
import type { Services } from '../../sites/mount.ts';
import { repositoriesOf } from './listing.ts';
import { pulledFrom } from './pull/pull.ts';
import { alone, keyOf, type Registry, registryOf, type Target, targetOf } from './registry.ts';
import { deleteManifestOf, deleteNames, deleteTag } from './remove.ts';
import { neededManifests, neededWith, tagsToGo, Untagged, untaggedFor } from './retention.ts';
import { partsOf, type Survey, type SurveyedBlob, type SurveyedManifest, surveyOf } from './survey.ts';

export interface UpkeepParts {
  services: Services;
  sites(): readonly SiteConfig[];
  /** Makes kept plans of a bucket stale. */
  stale(bucket: string): void;
  /** Milliseconds since the epoch. */
  now?(): number;
}

export interface UpkeepRound {
  /** Nothing is removed or noted; the result says what would be removed. */
  dryRun?: boolean;
  signal?: AbortSignal | undefined;
  /** This repository alone, with the prefix of its site. */
  only?: { bucket: string; name: string } | undefined;
}

/** What went, or would go, of one repository. */
export interface UpkeptRepository {
  bucket: string;
  /** With the prefix of its site. */
  repository: string;
  tags: string[];
  /** As `sha256:` and their digits. */
  manifests: string[];
  blobs: number;
  /** Of manifests and blobs. */
  bytes: number;
  /** What goes once its time is over, unless it is needed again. */
  waiting: { manifests: number; blobs: number; bytes: number };
  fault?: string;
}

/** Removals under one lock of a repository; their commits are shared. */
const atATime = 16;
/** Marks that are set before they are written. */
const marksATime = 500;
/** Marks that are looked at in a round whether there is still something that they are of. */
const mostStray = 10_000;

export class Upkeep {
  readonly #parts: UpkeepParts;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Repositories of which something went, or waits. */
  async *run(round: UpkeepRound): AsyncGenerator<UpkeptRepository> {
    for (const registry of this.registries()) {
      const { bucket, prefix } = registry;
      for await (const repository of repositoriesOf(registry)) {
        if (round.signal?.aborted) return;
        const { only } = round;
        // What others have is had again: that goes as what mirrors keep does.
        if (pulledFrom(registry.pull, repository)) continue;
        if (only && (only.bucket !== bucket || only.name !== prefix + repository)) continue;
        const done = await this.#upkeep(registry, repository, round);
        const { tags, manifests, blobs, waiting, fault } = done;
        if (tags.length + manifests.length + blobs + waiting.manifests + waiting.blobs > 0 || fault)
          yield done;
      }
      if (!round.dryRun) await this.#dropStray(registry);
    }
  }

  /** Marks of uploads that came to nothing. */
  async #dropStray({ bucket, site, services, common: { marks } }: Registry): Promise<void> {
    await marks.save();
    const grace = (site?.registry?.graceSeconds ?? usualGrace / 1000) * 1000;
    for (const name of marks.older(bucket, (this.#parts.now ?? Date.now)() - grace, mostStray))
      if (/\/_(?:blobs|manifests)\//.test(name) && services.objects.digestOf({ bucket, name }) === undefined)
        marks.clear({ bucket, name });
    await marks.save();
  }

  /** Of buckets that there are. */
  registries(): Registry[] {
    const { objects } = this.#parts.services;
    const sites = this.#parts
      .sites()
      .filter(({ protocol, bucket = '' }) => protocol === 'oci' && isThere(objects, bucket));
    return sites.map((site) => {
      const { host, path, protocol, bucket = '' } = site;
      return registryOf(this.#parts.services, { host, path, protocol, bucket, site });
    });
  }

  async #upkeep(registry: Registry, repository: string, round: UpkeepRound): Promise<UpkeptRepository> {
    const { bucket, prefix, common } = registry;
    const target = targetOf(registry, repository, '');
    // Behind every push that is under way: those behind are heard of.
    const watched = await alone(registry, target, async () => common.watch(keyOf(bucket, target.names)));
    const done: UpkeptRepository = {
      ...{ bucket, repository: prefix + repository, tags: [], manifests: [], blobs: 0, bytes: 0 },
      waiting: { manifests: 0, blobs: 0, bytes: 0 },
    };
    try {
      const now = (this.#parts.now ?? Date.now)();
      const upkeep = new RepositoryUpkeep({ registry, target, round, pushed: watched.pushed, now, done });
      await upkeep.run();
      if (upkeep.noted.length > 0) this.#parts.stale(bucket);
      // Who found one by a plan that was kept was not heard of: its time begins when there are none any more.
      for (const place of upkeep.noted) common.marks.touch(place);
    } catch (error) {
      done.fault = (error as Error).message;
    } finally {
      watched.end();
    }
    return done;
  }
}

function isThere(objects: Services['objects'], bucket: string): boolean {
  try {
    return objects.bucket(bucket) !== undefined;
  } catch {
    return false;
  }
}

interface About {
  registry: Registry;
  target: Target;
  round: UpkeepRound;
  /** Digests that were pushed since, and what they name. */
  pushed: ReadonlySet<string>;
  now: number;
  done: UpkeptRepository;
}

/** Something that nothing needs. */
interface Candidate {
  name: string;
  digests: readonly string[];
  size: number;
  after: number;
  kind: 'manifests' | 'blobs';
}

class RepositoryUpkeep {
  readonly #about: About;
  readonly #graceMs: number;
  /** What was marked. */
  readonly noted: Name[] = [];
  #survey: Survey | undefined;
  /** By how much was pushed since the survey: what that needs. */
  #held: { pushed: number; hexes: ReadonlySet<string> } = { pushed: 0, hexes: new Set() };

  constructor(about: About) {
    this.#about = about;
    const { graceSeconds } = about.registry.site?.registry ?? {};
    this.#graceMs = graceSeconds === undefined ? usualGrace : graceSeconds * 1000;
  }

  async run(): Promise<void> {
    const { registry, target, done, round } = this.#about;
    const survey = await surveyOf(registry, target.names);
    this.#survey = survey;
    const rules = (registry.site?.registry?.retention ?? []).filter(({ repositories }) =>
      covers(repositories, target.repository),
    );
    const [unread] = survey.unread;
    if (unread !== undefined)
      throw new Error(`the manifest sha256:${unread} cannot be read, so nothing of its repository goes`);
    const tags = await this.#removeTags(survey, rules);
    const needed = neededManifests(survey, tags);
    const after = untaggedFor(rules, this.#graceMs);
    const manifests = new Set(survey.manifests.values());
    const unneeded: SurveyedManifest[] = [];
    for (const each of manifests)
      if (needed.has(each)) this.#clear(this.#manifestName(each));
      else unneeded.push(each);
    if (after !== undefined)
      for (const each of await this.#removeManifests(new Untagged(survey, tags, unneeded), after))
        manifests.delete(each);
    const named = partsOf(manifests);
    const free: SurveyedBlob[] = [];
    for (const blob of survey.blobs)
      if (named.has(blob.digest)) this.#clear(this.#nameOf(blob));
      else free.push(blob);
    for (let i = 0; i < free.length && !round.signal?.aborted; i += atATime)
      await this.#removeBlobs(free.slice(i, i + atATime));
    done.tags.sort();
  }

  /** Resolves with the tags that stay. */
  async #removeTags(survey: Survey, rules: Parameters<typeof tagsToGo>[1]) {
    const { registry, target, round, done } = this.#about;
    const gone = new Set(tagsToGo(survey, rules));
    for (const each of gone) {
      if (round.signal?.aborted) break;
      const check = () => this.#unlessPushed([`sha256:${each.hex}`]);
      if (!round.dryRun && !(await deleteTag(registry, target, each, check))) {
        gone.delete(each);
        continue;
      }
      done.tags.push(each.tag);
    }
    return survey.tags.filter((each) => !gone.has(each));
  }

  /**
   * Resolves with those that went. One that stays for now, since somebody asked for it, keeps what it needs:
   * whoever found an index counts on all below it.
   */
  async #removeManifests(untagged: Untagged, after: number): Promise<SurveyedManifest[]> {
    const due = new Map<SurveyedManifest, Candidate>();
    for (const each of untagged.inOrder()) {
      const { size, digests } = each;
      const candidate: Candidate = {
        ...{ kind: 'manifests', name: this.#manifestName(each), digests, size, after },
      };
      if (await this.#isDue(candidate)) due.set(each, candidate);
      else untagged.stays(each);
    }
    const gone: SurveyedManifest[] = [];
    for (const [each, candidate] of due) {
      const isHeld = untagged.isHeld(each);
      if (!isHeld && (await this.#removeManifest(each, candidate))) gone.push(each);
      else untagged.stays(each);
      if (isHeld) this.#waits(candidate);
    }
    return gone;
  }

  /** Whether it is gone. */
  async #removeManifest({ hex, size }: SurveyedManifest, candidate: Candidate): Promise<boolean> {
    const { registry, target, round, done } = this.#about;
    if (round.signal?.aborted) return false;
    const check = () => {
      this.#check(candidate);
      if (this.#isHeld(hex)) throw new SealgateError('precondition-failed');
    };
    if (!round.dryRun && !(await deleteManifestOf(registry, target, hex, check))) return false;
    done.manifests.push(`sha256:${hex}`);
    done.bytes += size;
    return true;
  }

  async #removeBlobs(blobs: SurveyedBlob[]): Promise<void> {
    const { registry, target, round, done } = this.#about;
    const due: Candidate[] = [];
    for (const blob of blobs) {
      const candidate: Candidate = {
        ...{ kind: 'blobs', name: this.#nameOf(blob), digests: [blob.digest] },
        ...{ size: blob.size, after: this.#graceMs },
      };
      if (await this.#isDue(candidate)) due.push(candidate);
    }
    const gone = round.dryRun ? due : await deleteNames(registry, target, due, (each) => this.#check(each));
    done.blobs += gone.length;
    done.bytes += gone.reduce((sum, { size }) => sum + size, 0);
  }

  #manifestName({ hex }: SurveyedManifest): string {
    return this.#about.target.names.manifest({ algorithm: 'sha256', hex });
  }

  #nameOf({ digest }: SurveyedBlob): string {
    const [algorithm = '', hex = ''] = digest.split(':');
    return this.#about.target.names.blob({ algorithm: algorithm as 'sha256' | 'sha512', hex });
  }

  #clear(name: string): void {
    const { registry, round } = this.#about;
    if (!round.dryRun) registry.common.marks.clear({ bucket: registry.bucket, name });
  }

  /** Notes when nothing needed it first, and whether its time is over since. */
  async #isDue(candidate: Candidate): Promise<boolean> {
    const { name, after } = candidate;
    const { registry, round, now } = this.#about;
    const place = { bucket: registry.bucket, name };
    const { marks } = registry.common;
    const since = marks.since(place);
    if (since !== undefined && since + after <= now) return true;
    this.#waits(candidate);
    if (since !== undefined || round.dryRun) return false;
    marks.set(place, now);
    this.noted.push(place);
    if (this.noted.length % marksATime === 0) await marks.save();
    return false;
  }

  #waits({ kind, size }: Candidate): void {
    const { waiting } = this.#about.done;
    waiting[kind]++;
    waiting.bytes += size;
  }

  /** Throws where something needs it by now, or somebody has looked for it. */
  #check({ name, digests, after }: Candidate): void {
    const { registry, now } = this.#about;
    const since = registry.common.marks.since({ bucket: registry.bucket, name });
    if (since === undefined || since + after > now) throw new SealgateError('precondition-failed');
    this.#unlessPushed(digests);
  }

  /** Whether something needs a manifest that was pushed since, at any depth. */
  #isHeld(hex: string): boolean {
    const { pushed } = this.#about;
    if (this.#survey && this.#held.pushed < pushed.size) {
      const hexes = new Set([...neededWith(this.#survey, pushed)].map((each) => each.hex));
      this.#held = { pushed: pushed.size, hexes };
    }
    return this.#held.hexes.has(hex);
  }

  #unlessPushed(digests: readonly string[]): void {
    if (digests.some((each) => this.#about.pushed.has(each))) throw new SealgateError('precondition-failed');
  }
}
