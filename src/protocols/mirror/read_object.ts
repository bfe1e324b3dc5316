// GET|HEAD of an object of a mirror: what is kept and fresh is sent; for all else the upstreams are asked
// first.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, type Delivery, problem } from '../../engine/plan.ts';
import { hasCode, SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import type { GrowingUpload } from '../../objects/growing_uploads.ts';
import type { Found, Name } from '../../objects/objects.ts';
import { content } from '../../sites/content.ts';
import { growingContent } from '../../sites/growing.ts';
import { decodedPath, resolvedPath, seenPath } from '../../sites/paths.ts';
import { checkObjectName } from '../../store/names.ts';
import type { Landed } from '../../upstream/flights.ts';
import { withoutNotes } from '../../upstream/keeping.ts';
import { fill, keyOf, type Missing } from './filling.ts';
import type { Mirror, Ruled } from './mirror.ts';

/** The name below the mirror that a path is for. Throws `target-invalid`, or `not-found` for a folder. */
export function mirrorName({ path: own }: Pick<Mirror, 'path'>, path: string): string {
  const sent = decodedPath(path.slice(own.length));
  const resolved = sent === undefined ? undefined : resolvedPath(sent);
  if (!resolved) throw new SealgateError('target-invalid');
  if (resolved.isFolder) throw new SealgateError('not-found', 'A mirror has objects, and no folders.');
  return resolved.name;
}

export function readMirrored(mirror: Mirror) {
  return async (request: EngineRequest): Promise<Answer> => {
    const { services, bucket, prefix } = mirror;
    const name = mirrorName(mirror, request.path);
    const at = { bucket, name: prefix + name };
    checkObjectName(at.name);
    const grant = services.authorize(request, 'read', bucket);
    const seen = seenPath(request.path) ?? '/';
    const found = await kept(mirror, at);
    if (mirror.isLocal(seen)) {
      if (found) return answer(mirror, { request, grant, found, rule: undefined });
      throw new SealgateError('not-found');
    }
    const rule = mirror.ruleOf(seen);
    return new Reading(mirror, { request, grant, name, at, rule }).of(found);
  };
}

async function kept(mirror: Mirror, at: Name): Promise<Found | undefined> {
  try {
    return await mirror.services.objects.get(at);
  } catch (error) {
    // Deleted is forgotten: what an upstream has is fetched again.
    if (hasCode(error, 'not-found') || hasCode(error, 'name-deleted')) return undefined;
    throw error;
  }
}

interface Asked {
  request: EngineRequest;
  grant: string;
  name: string;
  at: Name;
  rule: Ruled | undefined;
}

class Reading {
  readonly #mirror: Mirror;
  readonly #asked: Asked;

  constructor(mirror: Mirror, asked: Asked) {
    this.#mirror = mirror;
    this.#asked = asked;
  }

  async of(found: Found | undefined): Promise<Answer> {
    const { freshness, settings } = this.#mirror;
    const key = keyOf(this.#asked.at);
    const now = Date.now();
    const held = found && this.#isFor(found) ? found : undefined;
    const until = held ? this.#freshUntil(held) : 0;
    if (held && until > now) return this.#answer(held, until);
    if (freshness.isAbsent(key, now)) return this.#absent('hit; detail=negative');
    if (held && until + settings.staleWhileRevalidateSeconds * 1000 > now) {
      if (!freshness.isFailing(key, now)) this.#fill(held);
      return this.#answer(held, undefined, 'hit; detail=stale');
    }
    if (held && freshness.isFailing(key, now) && this.#mayBeStale(held)) return this.#stale(held);
    const flight = this.#fill(held);
    const upload = await flight.began;
    return upload ? this.#growing(upload) : this.#landed(await flight.landed, held);
  }

  /** Whether it has the bytes that the path names. */
  #isFor({ ref }: Found): boolean {
    const digest = this.#asked.rule?.sha256;
    return digest === undefined || digest === ref.digest;
  }

  #freshUntil({ ref, kind }: Found): number {
    const { rule, at } = this.#asked;
    if (rule?.immutable || kind === 'write-once') return Number.POSITIVE_INFINITY;
    const until = this.#mirror.freshness.until(keyOf(at));
    return until ?? ref.created + (rule?.freshSeconds ?? 0) * 1000;
  }

  #fill(held: Found | undefined) {
    const { name, at, rule } = this.#asked;
    const missing: Missing = { name, at, rule, current: held?.ref };
    return fill(this.#mirror, missing);
  }

  /** Whether it may be sent though nobody knows if it is still the same. */
  #mayBeStale(held: Found): boolean {
    return this.#freshUntil(held) + this.#mirror.settings.staleIfErrorSeconds * 1000 > Date.now();
  }

  #stale(held: Found): Answer | Promise<Answer> {
    return this.#answer(held, undefined, 'fwd=stale; detail=upstream-failed');
  }

  #growing(upload: GrowingUpload): Answer {
    const { services } = this.#mirror;
    const { fields } = upload;
    const own = withoutNotes(fields);
    const plan = growingContent(services, { ...upload, fields: own }, this.#asked.grant);
    return { ...plan, fields: [...plan.fields, ...this.#status('fwd=miss; stored')] };
  }

  async #landed(landed: Landed, before: Found | undefined): Promise<Answer> {
    if (landed.kind === 'absent') return this.#absent('fwd=miss; fwd-status=404');
    if (landed.kind === 'failed') {
      const isOutage = !hasCode(landed.error, 'upstream-unusable');
      return before && isOutage && this.#mayBeStale(before) ? this.#stale(before) : refusal(landed.error);
    }
    const found = await kept(this.#mirror, this.#asked.at);
    if (!found) throw new SealgateError('not-found');
    const said = landed.kind === 'stored' ? 'fwd=miss; stored' : 'fwd=stale; fwd-status=304';
    return this.#answer(found, undefined, said);
  }

  #absent(said: string): Answer {
    return problem('not-found', 'No upstream of this site has it.', this.#status(said));
  }

  /** @param keptUntil milliseconds since the epoch; undefined: the plan is not kept. */
  #answer(found: Found, keptUntil: number | undefined, said = 'hit'): Answer | Promise<Answer> {
    const { request, grant, rule } = this.#asked;
    return answer(this.#mirror, { request, grant, found, rule, keptUntil, more: this.#status(said) });
  }

  #status(said: string): ResponseField[] {
    return this.#mirror.saysStatus ? [['Cache-Status', `mirror; ${said}`]] : [];
  }
}

interface Answering {
  request: EngineRequest;
  grant: string;
  found: Found;
  rule: Ruled | undefined;
  /** Milliseconds since the epoch; undefined: the plan is not kept. */
  keptUntil?: number | undefined;
  more?: ResponseField[];
}

function answer(
  { services }: Mirror,
  { request, grant, found, rule, keptUntil, more = [] }: Answering,
): Answer | Promise<Answer> {
  const { ref, kind } = found;
  const isLasting = rule?.immutable || kind === 'write-once';
  const seconds = keptUntil === undefined ? 0 : Math.floor(keptUntil / 1000);
  const isKept = seconds > Math.floor(Date.now() / 1000);
  const told: Omit<Delivery, 'expires' | 'floor'> = {
    contentType: ref.mediaType,
    fields: withoutNotes(ref.fields),
    digests: ref.digests,
    freshness: isLasting ? 'immutable' : 'revalidate',
    grant,
    created: ref.modified ?? ref.date,
    cache: isKept ? found.epoch : undefined,
    ...(isKept && Number.isFinite(seconds) && { keptUntil: seconds }),
    more,
  };
  return content(services, request, found, told);
}

/** What was wrong is in the log, once for all who waited: it may tell of networks that are not theirs. */
function refusal(error: unknown): Answer {
  const { code, retryAfter } = error instanceof SealgateError ? error : { code: 'upstream-failed' as const };
  return problem(code, undefined, [], { retryAfter });
}
