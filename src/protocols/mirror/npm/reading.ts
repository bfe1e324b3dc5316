// What clients read of a registry: packuments in two forms, tarballs that a packument proves, and tags.

import type { EngineRequest } from '../../../engine/engine_request.ts';
import { type Answer, respondJson } from '../../../engine/plan.ts';
import { SealgateError } from '../../../errors.ts';
import type { ResponseField } from '../../../native/addon.ts';
import { keyOf } from '../../../objects/found.ts';
import type { Found } from '../../../objects/objects.ts';
import { upstreamOf } from '../../../upstream/keeping.ts';
import { packumentPath } from '../../../upstream/npm/names.ts';
import { type Dist, maxPackumentBytes, proofOf } from '../../../upstream/npm/packument.ts';
import type { Source } from '../filling.ts';
import type { Ruled } from '../mirror.ts';
import { answer, kept, ownOf, readAt } from '../read_object.ts';
import { abbreviatedType, type Form, type Packages, unusable } from './packages.ts';

/** Who asks for what, and may. */
export interface Reader {
  request: EngineRequest;
  grant: string;
}

type Shown = (packument: Found, said: ResponseField[]) => Promise<Answer>;

/** Milliseconds after which a packument is asked for again because it does not list a tarball. */
const unlistedMs = 10_000;
const mostUnlisted = 10_000;

export class Registry {
  readonly #packages: Packages;
  /** When packuments were asked for because of a tarball that they do not list, by package. */
  readonly #unlisted = new Map<string, number>();

  constructor(packages: Packages) {
    this.#packages = packages;
  }

  packument(reader: Reader, name: string): Promise<Answer> {
    const accept = reader.request.headers.get('accept') ?? '';
    const form: Form = accept.includes(abbreviatedType) ? 'abbreviated' : 'full';
    return this.#ofPackument(reader, name, async ({ ref }, said) => {
      const found = await this.#packages.form(name, ref.digest, form);
      // The plan is not kept: plans are found by the path, whatever a client accepts.
      const more: ResponseField[] = [['Vary', 'Accept'], ...said];
      return answer(this.#packages.mirror, { ...reader, found, rule: undefined, more });
    });
  }

  tags(reader: Reader, name: string): Promise<Answer> {
    const { mirror } = this.#packages;
    return this.#ofPackument(reader, name, async ({ ref }) => {
      const file = mirror.services.objects.pathOf(ref.digest);
      return respondJson(200, await mirror.shared.documents.read('tagsOf', { file, name }));
    });
  }

  async #ofPackument(reader: Reader, name: string, shown: Shown): Promise<Answer> {
    const { mirror } = this.#packages;
    const at = this.#packages.at(name);
    if (this.#packages.isLocal(name)) {
      const found = ownOf(await kept(mirror, at));
      if (!found) throw new SealgateError('not-found');
      return shown(found, []);
    }
    return readAt(mirror, {
      ...{ ...reader, name, at, shown, rule: mirror.ruleOf(mirror.path + name) },
      source: { path: packumentPath(name), maxBytes: maxPackumentBytes },
      check: this.#packages.checking(name),
    });
  }

  async tarball(reader: Reader, name: string, file: string): Promise<Answer> {
    const { mirror } = this.#packages;
    const at = this.#packages.at(name, file);
    const before = await kept(mirror, at);
    const found = this.#packages.isLocal(name) ? ownOf(before) : before;
    const rule: Ruled = { immutable: true, freshSeconds: undefined, sha256: undefined };
    if (found) {
      mirror.shared.space.used(at);
      const more: ResponseField[] = mirror.saysStatus ? [['Cache-Status', 'mirror; hit']] : [];
      return answer(mirror, { ...reader, found, rule, keptUntil: Number.POSITIVE_INFINITY, more });
    }
    if (this.#packages.isLocal(name)) throw new SealgateError('not-found');
    return this.#ofPackument(reader, name, async (packument) => {
      const dist = await this.#packages.find(name, packument.ref.digest, file);
      if (dist) return this.#fetched(reader, { name, file, dist, packument });
      if (!this.#isOutdated(name)) throw this.#unlistedNow(name);
      return this.#ofPackument(reader, name, async (newer) => {
        const listed = await this.#packages.find(name, newer.ref.digest, file);
        if (!listed) throw this.#unlistedNow(name);
        return this.#fetched(reader, { name, file, dist: listed, packument: newer });
      });
    });
  }

  /** Whether the packument was made to be asked for again: a lock file may name a version that is newer. */
  #isOutdated(name: string): boolean {
    const now = Date.now();
    if ((this.#unlisted.get(name) ?? 0) > now) return false;
    if (this.#unlisted.size >= mostUnlisted) this.#unlisted.clear();
    this.#unlisted.set(name, now + unlistedMs);
    this.#packages.mirror.freshness.keep(keyOf(this.#packages.at(name)), now);
    return true;
  }

  /** An upstream that could not be asked may list it: then it is not said to be nowhere. */
  #unlistedNow(name: string): SealgateError {
    const isAway = this.#packages.mirror.freshness.isFailing(keyOf(this.#packages.at(name)), Date.now());
    return new SealgateError(isAway ? 'upstream-failed' : 'not-found');
  }

  #fetched(
    reader: Reader,
    { name, file, dist, packument }: { name: string; file: string; dist: Dist; packument: Found },
  ): Promise<Answer> {
    const { mirror } = this.#packages;
    const proof = proofOf(dist);
    if (!proof) throw unusable(name, `nothing proves ${file}`);
    const from = upstreamOf(packument.ref.fields);
    const upstream = mirror.upstreams().find((each) => each.name === from);
    if (!upstream) throw new SealgateError('not-found');
    // What another upstream has under that name is not of this packument.
    const one = { ...mirror, upstreams: () => [upstream] };
    return readAt(one, {
      ...{ ...reader, name: `${name}/-/${file}`, at: this.#packages.at(name, file) },
      rule: { immutable: true, freshSeconds: undefined, ...proof },
      source: sourceOf(dist, upstream.config),
    });
  }
}

// Where a packument says that it is, as far as that is the upstream or a host which is named; else where
// registries have it. Whatever comes from there is compared.
function sourceOf(
  { url = '' }: Dist,
  { url: base, redirectsTo }: { url: string; redirectsTo: readonly string[] },
): Source | undefined {
  if (!URL.canParse(url) || url.includes('#')) return undefined;
  const { href, hostname, username, protocol } = new URL(url);
  if (href.startsWith(base)) return { path: href.slice(base.length) };
  const isNamed = redirectsTo.some(
    (host) => host === hostname || (host.startsWith('*.') && hostname.endsWith(host.slice(1))),
  );
  // A URL in the clear is not followed from one that is not.
  const isSafe = protocol === 'https:' || (protocol === 'http:' && base.startsWith('http:'));
  return isNamed && isSafe && username === '' ? { url: href } : undefined;
}
