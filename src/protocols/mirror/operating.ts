// Operating: what operators ask of mirrors: what they keep, that it is fetched ahead, forgotten, or compared
// with what upstreams have.

import { setTimeout as sleep } from 'node:timers/promises';
import type { SiteConfig } from '../../config/sites.ts';
import type { Answer } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { pathPattern } from '../../path_pattern.ts';
import { encodedPath } from '../../redirects.ts';
import type { Services } from '../../sites/mount.ts';
import type { Descriptor, Store } from '../../store/store.ts';
import type { Offer } from '../../upstream/fetching.ts';
import { derivedFrom, upstreamOf, validatorsOf } from '../../upstream/keeping.ts';
import { commonOf } from '../oci/common.ts';
import { compared, inRegistry, isByDigest, pathIn, walk } from '../oci/pull/operating.ts';
import { isFetchedNow } from './fetched_now.ts';
import { keptIn } from './kinds.ts';
import { freshUntil, type Mirror, mirrorOf } from './mirror.ts';

export interface OperatingParts {
  services: Services;
  store: Pick<Store, 'usage' | 'bucket' | 'resolve' | 'eviction'>;
  sites(): readonly SiteConfig[];
  /** What a request for a URL is answered with; undefined: it is none. */
  ask(url: string): Promise<Answer> | undefined;
}

/** A site whose bucket is kept within bounds, and what it has. */
export interface BoundedStatus {
  site: string;
  bucket: string;
  prefix: string;
  /** Of the bucket. */
  bytes: number;
  objects: number;
  maxBytes?: number;
  unusedDays?: number;
  /** Since the start. */
  evicted: { objects: number; bytes: number; passed: number };
}

export interface MirrorStatus extends BoundedStatus {
  upstreams: { name: string; offline: boolean }[];
}

/** Times are milliseconds since the epoch. */
export interface KeptObject {
  name: string;
  size: number;
  fetched: number;
  /** To the hour; absent: it was not noted yet. */
  used?: number;
  /** Until when it is sent without asking; absent: a rule says that it never changes. */
  fresh?: number;
  /** Absent: somebody stored it, or it was made. */
  upstream?: string;
  /** It was made here of what an upstream sent, or of what was published. */
  made?: true;
}

/** kept: it was there, and is fresh now. under-way: it takes long; ask again. */
export type Warmed = {
  what: string;
  outcome: 'kept' | 'fetched' | 'under-way' | 'absent' | 'failed';
  why?: string;
};
export type Checked = { name: string; outcome: 'same' | 'changed' | 'gone' | 'failed'; why?: string };

/** Milliseconds between two looks at a fetch that is under way, and for which it is waited for. */
const lookAgainAfter = 50;
const patience = 20_000;
/** In a row, as a name of a Python project leads to its page. */
const mostRedirects = 3;

export class Operating {
  readonly #parts: OperatingParts;

  constructor(parts: OperatingParts) {
    this.#parts = parts;
  }

  #sites(): SiteConfig[] {
    return this.#parts
      .sites()
      .filter(({ protocol, upstreams }) => protocol === 'mirror' || (protocol === 'oci' && upstreams));
  }

  status(): MirrorStatus[] {
    const { upstreams: all } = this.#parts.services;
    return this.#sites().map((site) => ({
      ...this.#bounded(site, site.mirror),
      upstreams: (site.upstreams ?? []).map((name) => ({
        name,
        offline: all?.get(name).config.offline === true,
      })),
    }));
  }

  buildCaches(): BoundedStatus[] {
    const sites = this.#parts.sites().filter(({ protocol }) => protocol === 'bazel');
    return sites.map((site) => this.#bounded(site, site.bazel));
  }

  #bounded(
    { host, path, bucket = '', prefix = '', name }: SiteConfig,
    bounds: SiteConfig['bazel'],
  ): BoundedStatus {
    const { store, services } = this.#parts;
    const { maxBytes, unusedDays } = bounds ?? {};
    const { objects = 0, bytes = 0, passed = 0 } = services.upstreams?.space.evicted(bucket) ?? {};
    return {
      ...{ site: name ?? host + path, bucket, prefix, evicted: { objects, bytes, passed } },
      ...(store.usage(bucket) ?? { bytes: 0, objects: 0 }),
      ...(maxBytes !== undefined && { maxBytes }),
      ...(unusedDays !== undefined && { unusedDays }),
    };
  }

  /** Throws `not-found` when no site fetches into names that begin so. */
  #checkAny(bucket: string, prefix: string): void {
    const isAny = this.#sites().some(
      (each) => each.bucket === bucket && (each.prefix ?? '').startsWith(prefix),
    );
    if (!isAny) this.#siteOf(bucket, prefix);
  }

  /** The site that fetches into a name. Throws `not-found`. */
  #siteOf(bucket: string, name: string): SiteConfig {
    const found = this.#findSite(bucket, name);
    if (found) return found;
    throw new SealgateError(
      'not-found',
      `No site with upstreams fetches into ${bucket}/${name}; 'sealgate mirror ls' lists them.`,
    );
  }

  #findSite(bucket: string, name: string): SiteConfig | undefined {
    const fits = this.#sites().filter((each) => each.bucket === bucket && name.startsWith(each.prefix ?? ''));
    return fits.sort((a, b) => (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0))[0];
  }

  #mirrorOf(site: SiteConfig): Mirror {
    const { host, path, protocol, bucket = '' } = site;
    return mirrorOf(this.#parts.services, { host, path, protocol, bucket, site });
  }

  /** A page of what is kept. @param next what the page before said. */
  async list(
    bucket: string,
    page: { prefix: string; after: string; limit: number },
  ): Promise<{ objects: KeptObject[]; next?: string }> {
    const { services } = this.#parts;
    this.#checkAny(bucket, page.prefix);
    const { entries, next } = await services.objects.list(bucket, page);
    const objects = entries.map(({ name, ...ref }) => this.#shown(bucket, name, ref));
    return { objects, ...(next !== undefined && { next }) };
  }

  #shown(bucket: string, name: string, ref: Descriptor): KeptObject {
    const { size, created, fields } = ref;
    const upstream = upstreamOf(fields);
    const used = this.#parts.store.eviction.uses.of(bucket, name)?.at;
    const fresh = upstream === undefined ? undefined : this.#freshUntil(bucket, name, created);
    return {
      ...{ name, size, fetched: created },
      ...(used !== undefined && { used }),
      ...(fresh !== undefined && { fresh }),
      ...(upstream !== undefined && { upstream }),
      ...(derivedFrom(fields) !== undefined && { made: true as const }),
    };
  }

  #freshUntil(bucket: string, name: string, created: number): number | undefined {
    const site = this.#findSite(bucket, name);
    // No site sends it any more.
    if (!site) return created;
    const mirror = this.#mirrorOf(site);
    const image = imageIn(site, name);
    if (image && isByDigest(image)) return undefined;
    const below = name.slice(site.prefix?.length ?? 0);
    const rule = mirror.ruleOf(site.path + below) ?? keptIn[mirror.settings.kind](mirror, below).rule;
    const kind = this.#parts.store.bucket(bucket)?.kind;
    const until = freshUntil(mirror, { bucket, name }, { rule, kind, created });
    return Number.isFinite(until) ? until : undefined;
  }

  /** Asks for an object as a client does, and waits until it is here. @param what BUCKET/NAME or a URL. */
  async warm(what: string): Promise<Warmed> {
    const end = performance.now() + patience;
    let worst: Warmed = { what, outcome: 'kept' };
    const ask = async (url: string) => {
      const answer = await this.#answerTo(url);
      const became = await outcomeOf(answer, end);
      if (isGood(worst) && became.outcome !== 'kept') worst = { what, ...became };
      return isGood(became) ? answer : undefined;
    };
    try {
      const url = /^https?:\/\//.test(what) ? what : this.#urlOf(what);
      const isWhole = await walk(url, commonOf(this.#parts.services).named, ask);
      return isWhole || !isGood(worst) ? worst : { what, outcome: 'failed', why: 'it names too much' };
    } catch (error) {
      return { what, outcome: 'failed', why: (error as Error).message };
    }
  }

  /** As a client gets it that follows redirects. */
  async #answerTo(url: string): Promise<Answer | undefined> {
    let [answer, at] = [await this.#parts.ask(url), url];
    for (let left = mostRedirects; left > 0; left--) {
      const to = redirectOf(answer);
      if (to === undefined) break;
      at = new URL(to, at).href;
      answer = await this.#parts.ask(at);
    }
    return answer;
  }

  /** Throws when it is neither a name nor a URL. */
  #urlOf(what: string): string {
    const slash = what.indexOf('/');
    if (slash < 1 || slash === what.length - 1) throw new Error('expected BUCKET/NAME or a URL');
    const [bucket, name] = [what.slice(0, slash), what.slice(slash + 1)];
    const site = this.#siteOf(bucket, name);
    const { host, path, prefix = '' } = site;
    const authority = host === '*' ? 'localhost' : host.replace(/^\*/, 'any');
    const image = imageIn(site, name);
    return `https://${authority}${path}${image ? pathIn(image) : encodedPath(name.slice(prefix.length))}`;
  }

  /** Forgets what matches, among the names of a page. */
  async forget(
    bucket: string,
    { pattern, ...page }: { pattern: string; prefix: string; after: string; limit: number },
  ): Promise<{ forgotten: string[]; stay: string[]; next?: string }> {
    const { services } = this.#parts;
    this.#checkAny(bucket, page.prefix);
    const glob = isPattern(pattern) ? pathPattern(`/${pattern}`) : undefined;
    const { entries, next } = await services.objects.list(bucket, page);
    const names = entries
      .map(({ name }) => name)
      .filter((name) => (glob ? glob.matches(`/${name}`) : name === pattern));
    const stay = (await services.upstreams?.space.forget(bucket, names)) ?? [];
    const forgotten = names.filter((name) => !stay.includes(name));
    return { forgotten, stay, ...(next !== undefined && { next }) };
  }

  /** Asks the upstream of an object whether it is still the same. Nothing is fetched or changed. */
  async check(bucket: string, name: string): Promise<Checked> {
    const ref = this.#parts.store.resolve(bucket, name);
    if (ref?.deleted !== false) return { name, outcome: 'failed', why: 'it is not kept' };
    const from = upstreamOf(ref.fields);
    const site = this.#siteOf(bucket, name);
    if (from === undefined || !site.upstreams?.includes(from))
      return {
        name,
        outcome: 'failed',
        why: `it came from ${from ?? 'no upstream'}, which the site does not ask`,
      };
    const mirror = this.#mirrorOf(site);
    const image = imageIn(site, name);
    try {
      if (image) return { name, ...(await compared(mirror, from, image, ref.digest)) };
      return { name, ...(await this.#compare(mirror, from, name.slice(site.prefix?.length ?? 0), ref)) };
    } catch (error) {
      return { name, outcome: 'failed', why: (error as Error).message };
    }
  }

  async #compare(
    mirror: Mirror,
    from: string,
    name: string,
    ref: Descriptor,
  ): Promise<Omit<Checked, 'name'>> {
    const { source, proof } = keptIn[mirror.settings.kind](mirror, name);
    if (proof !== undefined) return { outcome: 'same', why: proof };
    let offered: Offer | undefined;
    const validators = validatorsOf(from, ref.fields);
    const fetched = await mirror.shared.get(from).fetch({
      ...{ path: encodedPath(name), ...source, validators, provable: true, signal: mirror.shared.signal },
      take: (offer) => {
        offered = offer;
        return undefined;
      },
    });
    if (fetched.kind === 'not-modified') return { outcome: 'same' };
    if (fetched.kind === 'absent') return { outcome: 'gone' };
    if (!offered)
      return { outcome: 'failed', why: fetched.kind === 'failed' ? fetched.message : fetched.kind };
    if (offered.size !== undefined && offered.size !== ref.size)
      return { outcome: 'changed', why: `it has ${offered.size} bytes, and ${ref.size} are kept` };
    if (!validators) return { outcome: 'same', why: 'by its size alone: the upstream sent no validators' };
    const { etag } = offered.fields;
    if (etag !== undefined && etag === validators.etag) return { outcome: 'same' };
    return { outcome: 'changed', why: 'the upstream sends it though it was told what is kept' };
  }
}

/** Undefined: it is a file's name, and no image's. */
function imageIn({ protocol, prefix = '' }: SiteConfig, name: string) {
  return protocol === 'oci' ? inRegistry(name.slice(prefix.length)) : undefined;
}

const isGood = ({ outcome }: Pick<Warmed, 'outcome'>) => outcome === 'kept' || outcome === 'fetched';

/** Undefined: it is no redirect. */
function redirectOf(answer: Answer | undefined): string | undefined {
  if (answer?.kind !== 'respond' || ![301, 302, 307, 308].includes(answer.status)) return undefined;
  return answer.fields.find(([name]) => name === 'Location')?.[1];
}

/** What became of what was asked for, when it is here. @param end until when it is waited for. */
async function outcomeOf(answer: Answer | undefined, end: number): Promise<Omit<Warmed, 'what'>> {
  if (!answer) return { outcome: 'failed', why: 'it is no URL that clients can send' };
  // Pages of Python projects are written for whoever asks.
  const isWritten = answer.kind === 'respond' && answer.status === 200;
  if (isWritten || answer.kind === 'deliver' || answer.kind === 'describe')
    return { outcome: isFetchedNow(answer) ? 'fetched' : 'kept' };
  if (answer.kind === 'follow') {
    while (answer.file?.state === 'growing' && performance.now() < end) await sleep(lookAgainAfter);
    if (answer.file?.state === 'growing') return { outcome: 'under-way' };
    if (answer.file?.state === 'whole') return { outcome: 'fetched' };
    return { outcome: 'failed', why: 'the upstream broke off; the log says why' };
  }
  const { status } = answer as { status: number };
  const code = 'problem' in answer ? String(answer.problem) : `status ${status}`;
  return { outcome: code === 'not-found' || status === 404 ? 'absent' : 'failed', why: code };
}

/** Whether a text is a pattern of names, and not one name. */
export function isPattern(text: string): boolean {
  return /[*?{[]/.test(text);
}
