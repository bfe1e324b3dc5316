// GET|HEAD of an object of a mirror: what is kept and fresh is sent; for all else the upstreams are asked
// first.

import { setTimeout } from 'node:timers/promises';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, type Delivery, problem } from '../../engine/plan.ts';
import { hasCode, isAbsent, SealgateError } from '../../errors.ts';
import { addon, type ResponseField } from '../../native/addon.ts';
import { keyOf } from '../../objects/found.ts';
import type { GrowingUpload } from '../../objects/growing_uploads.ts';
import type { Found, Name } from '../../objects/objects.ts';
import { content } from '../../sites/content.ts';
import { growingContent } from '../../sites/growing.ts';
import { decodedPath, resolvedPath, seenPath } from '../../sites/paths.ts';
import { checkObjectName } from '../../store/names.ts';
import type { Landed } from '../../upstream/flights.ts';
import type { ToldHead } from '../../upstream/heads.ts';
import { mayBeHadAgain, modifiedOf, notedFields, upstreamOf, withoutNotes } from '../../upstream/keeping.ts';
import { useInterval } from '../../upstream/mirror_space.ts';
import { described } from './describing.ts';
import { fetchedNow } from './fetched_now.ts';
import { fill, flightOf, type Missing } from './filling.ts';
import { freshUntil, type Mirror, type Ruled } from './mirror.ts';
import { typeOf } from './offered.ts';

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
    const { name, grant } = askedFor(mirror, request);
    return (await readLocal(mirror, request, grant)) ?? readByRule(mirror, { request, grant, name });
  };
}

/** What a request is for. Throws `target-invalid`, `not-found`, and what refuses the client. */
export function askedFor(mirror: Mirror, request: EngineRequest): { name: string; grant: string } {
  const name = mirrorName(mirror, request.path);
  checkObjectName(mirror.prefix + name);
  return { name, grant: mirror.services.authorize(request, 'read', mirror.bucket) };
}

/**
 * The answer for a path that no upstream is asked for; undefined: it is none. Rejects with `not-found`.
 * @param below the name, where it is not the path.
 */
export async function readLocal(
  mirror: Mirror,
  request: EngineRequest,
  grant: string,
  below = mirrorName(mirror, request.path),
): Promise<Answer | undefined> {
  if (!mirror.isLocal(seenPath(request.path) ?? '/')) return undefined;
  const name = mirror.prefix + below;
  const found = ownOf(await kept(mirror, { bucket: mirror.bucket, name }));
  if (found) return answer(mirror, { request, grant, found, rule: undefined });
  throw new SealgateError('not-found');
}

/** What was stored here. What an upstream sent before its name was local is a stranger's, and not counted. */
export function ownOf(found: Found | undefined): Found | undefined {
  return found && upstreamOf(found.ref.fields) === undefined ? found : undefined;
}

/** As the rules of the site say. @param otherwise what counts where none matches; its digests always do. */
export function readByRule(
  mirror: Mirror,
  asked: Omit<Asked, 'at' | 'rule'>,
  otherwise?: Ruled,
): Promise<Answer> {
  const at = { bucket: mirror.bucket, name: mirror.prefix + asked.name };
  const said = mirror.ruleOf(seenPath(asked.request.path) ?? '/');
  const { sha256, digests } = otherwise ?? {};
  const rule = said ? { ...said, sha256: said.sha256 ?? sha256, digests } : otherwise;
  return readAt(mirror, { ...asked, at, rule });
}

export async function readAt(mirror: Mirror, asked: Asked): Promise<Answer> {
  const found = await kept(mirror, asked.at);
  const reading = new Reading(mirror, asked);
  if (!found || !mayBeHadAgain(found.ref.fields)) return reading.of(found);
  try {
    return await reading.of(found);
  } catch (error) {
    // Its file failed the proof just now, before a byte was sent.
    if (!hasCode(error, 'seal-broken')) throw error;
    return reading.of(undefined);
  }
}

export async function kept(mirror: Mirror, at: Name): Promise<Found | undefined> {
  const { objects } = mirror.services;
  try {
    return await objects.get(at);
  } catch (error) {
    // Deleted is forgotten: what an upstream has is fetched again.
    if (isAbsent(error)) return undefined;
    // So is what is in quarantine, unless somebody stored it.
    if (hasCode(error, 'seal-broken') && mayBeHadAgain((await objects.head(at)).fields)) return undefined;
    throw error;
  }
}

export interface Asked extends Pick<Missing, 'source' | 'locate' | 'mediaType' | 'check'> {
  request: EngineRequest;
  grant: string;
  /** What the upstream is asked for. */
  name: string;
  /** Where it is kept. */
  at: Name;
  rule: Ruled | undefined;
  /** Makes the answer of what is kept, where that is not its bytes. */
  shown?: ((found: Found, said: ResponseField[]) => Promise<Answer>) | undefined;
  /** Makes it where `shown` cannot, since there was no room to keep what has come. */
  passed?: (() => Promise<Answer>) | undefined;
  /**
   * Decides what HEAD is answered of an object with a `check` which an upstream has told of. kept: the name
   * points at it now; undefined: it has to be fetched.
   */
  told?: ((told: ToldHead) => Promise<ResponseField[] | 'kept' | undefined>) | undefined;
  /** A client has the newest bytes if it says their very time: what comes later may say an earlier one. */
  isExact?: boolean | undefined;
}

/** Milliseconds for which those wait that could be sent what there is. */
const patience = 10_000;

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
    if (found) this.#mirror.shared.space.used(this.#asked.at);
    const until = held ? this.#freshUntil(held) : 0;
    if (held && until > now) return this.#answer(held, until);
    // Nobody is asked who would come after one that is not.
    const isOffline = this.#mirror.upstreams()[0]?.config.offline === true;
    if (held && isOffline) return this.#answer(held, undefined, 'hit; detail=offline');
    if (freshness.isAbsent(key, now)) return this.#absent('hit; detail=negative');
    const isHead = this.#isHead();
    if (held && until + settings.staleWhileRevalidateSeconds * 1000 > now) {
      if (!freshness.isFailing(key, now)) this.#refresh(held, isHead);
      return this.#answer(held, undefined, 'hit; detail=stale');
    }
    if (held && freshness.isFailing(key, now) && this.#mayBeStale(held)) return this.#stale(held);
    return isHead ? this.#head(held) : this.#get(held);
  }

  /** Nobody waits for it, and `freshness` knows what failed. */
  #refresh(held: Found, isHead: boolean): void {
    if (isHead) this.#head(held).catch(() => {});
    else this.#fill(held);
  }

  async #get(held: Found | undefined): Promise<Answer> {
    const flight = this.#fill(held);
    // What there is already is sent where a check takes long.
    if (held && this.#asked.check) return this.#soon(flight.landed, held);
    const upload = this.#asked.shown ? undefined : await flight.began;
    // It has failed already, and is given up just now: whoever comes a moment later has it fetched anew.
    if (upload?.file.state === 'failed') return flight.landed.then(() => this.#again());
    return upload ? this.#growing(upload) : this.#landed(await flight.landed, held);
  }

  /** Whether nothing but fields is wanted, which the upstream's head tells. */
  #isHead(): boolean {
    const { request, check, told, shown, at } = this.#asked;
    if (request.method !== 'HEAD' || (check && !told) || shown) return false;
    return !this.#mirror.shared.flights.isUnderWay(flightOf(this.#mirror, at));
  }

  #described(held: Found | undefined) {
    return described(this.#mirror, this.#missing(held));
  }

  async #head(held: Found | undefined): Promise<Answer> {
    const said = await this.#described(held);
    if (said.kind === 'no-head') return this.#get(held);
    if (said.kind !== 'told') return this.#landed(said, held);
    const { head, upstream, until } = said.told;
    const more = this.#asked.told ? await this.#asked.told(said.told) : [];
    if (more === undefined) return this.#get(held);
    if (more === 'kept') {
      this.#mirror.freshness.keep(keyOf(this.#asked.at), until);
      return this.#landed({ kind: 'not-modified' }, held);
    }
    const file = addon.growingFile(Number(head.fields['content-length'] ?? 0));
    const mediaType = this.#asked.mediaType ?? typeOf(head) ?? 'application/octet-stream';
    const plan = this.#growing({ file, mediaType, fields: notedFields(upstream, head), isPassing: true });
    return { ...plan, fields: [...plan.fields, ...more] };
  }

  /** Whether it has the bytes that the path names. */
  #isFor({ ref }: Found): boolean {
    const digest = this.#asked.rule?.sha256;
    return digest === undefined || digest === ref.digest;
  }

  #freshUntil({ ref, kind }: Found): number {
    const { rule, at } = this.#asked;
    return freshUntil(this.#mirror, at, { rule, kind, created: ref.created });
  }

  async #soon(landing: Promise<Landed>, held: Found): Promise<Answer> {
    const landed = await Promise.race([landing, setTimeout(patience, undefined, { ref: false })]);
    return landed ? this.#landed(landed, held) : this.#answer(held, undefined, 'hit; detail=stale');
  }

  #fill(held: Found | undefined) {
    return fill(this.#mirror, this.#missing(held));
  }

  #missing(held: Found | undefined): Missing {
    const { name, at, rule, source, check, locate, mediaType } = this.#asked;
    return { name, at, rule, source, check, locate, mediaType, current: held?.ref };
  }

  /** Whether it may be sent though nobody knows if it is still the same. */
  #mayBeStale(held: Found): boolean {
    return this.#freshUntil(held) + this.#mirror.settings.staleIfErrorSeconds * 1000 > Date.now();
  }

  #stale(held: Found): Answer | Promise<Answer> {
    return this.#answer(held, undefined, 'fwd=stale; detail=upstream-failed');
  }

  #growing(upload: GrowingUpload): Extract<Answer, { kind: 'follow' }> {
    const { services } = this.#mirror;
    const { fields } = upload;
    const own = withoutNotes(fields);
    const plan = growingContent(services, { ...upload, fields: own }, this.#asked.grant);
    const modified = modifiedOf(fields);
    const dated: ResponseField[] = modified === undefined ? [] : [['Last-Modified', modified]];
    const status = this.#status(upload.isPassing ? 'fwd=miss' : 'fwd=miss; stored');
    return { ...plan, fields: [...plan.fields, ...dated, ...status] };
  }

  async #landed(landed: Landed, before: Found | undefined): Promise<Answer> {
    if (landed.kind === 'absent') return this.#absent('fwd=miss; fwd-status=404');
    if (landed.kind === 'failed') {
      if (before && hasCode(landed.error, 'upstream-offline'))
        return this.#answer(before, undefined, 'hit; detail=offline');
      const isOutage = !hasCode(landed.error, 'upstream-unusable');
      return before && isOutage && this.#mayBeStale(before) ? this.#stale(before) : refusal(landed.error);
    }
    if (landed.kind === 'passed' && this.#asked.passed) return this.#asked.passed();
    const found = await kept(this.#mirror, this.#asked.at);
    // It was evicted meanwhile.
    if (!found) return this.#again();
    if (landed.kind === 'stored') return fetchedNow(await this.#answer(found, undefined, 'fwd=miss; stored'));
    return this.#answer(found, undefined, 'fwd=stale; fwd-status=304');
  }

  async #again(): Promise<Answer> {
    const flight = this.#fill(undefined);
    const upload = this.#asked.shown ? undefined : await flight.began;
    if (upload) return this.#growing(upload);
    const landed = await flight.landed;
    if (landed.kind === 'absent') return this.#absent('fwd=miss; fwd-status=404');
    return landed.kind === 'failed' ? refusal(landed.error) : problem('upstream-busy', undefined, []);
  }

  #absent(said: string): Answer {
    return problem('not-found', 'No upstream of this site has it.', this.#status(said));
  }

  /** @param keptUntil milliseconds since the epoch; undefined: the plan is not kept. */
  #answer(found: Found, keptUntil: number | undefined, said = 'hit'): Answer | Promise<Answer> {
    const { request, grant, rule, isExact, shown } = this.#asked;
    const more = this.#status(said);
    if (shown) return shown(found, more);
    return answer(this.#mirror, { request, grant, found, rule, keptUntil, isExact, more });
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
  isExact?: boolean | undefined;
  more?: ResponseField[];
}

export function answer(
  { services }: Mirror,
  { request, grant, found, rule, keptUntil, isExact = false, more = [] }: Answering,
): Answer | Promise<Answer> {
  const { ref, kind } = found;
  const isLasting = rule?.immutable || kind === 'write-once';
  // Made anew once in a while, so that it is known which objects are used.
  const until = Math.min(keptUntil ?? 0, Date.now() + useInterval);
  const seconds = Math.floor(until / 1000);
  const isKept = !isExact && seconds > Math.floor(Date.now() / 1000);
  const dated = isExact ? exactDate(request, found) : { created: ref.modified ?? ref.date, fields: [] };
  const told: Omit<Delivery, 'expires' | 'floor'> = {
    contentType: ref.mediaType,
    fields: withoutNotes(ref.fields),
    digests: ref.digests,
    freshness: isLasting ? 'immutable' : 'revalidate',
    grant,
    created: dated.created,
    cache: isKept ? found.epoch : undefined,
    ...(isKept && { keptUntil: seconds }),
    more: [...dated.fields, ...more],
  };
  return content(services, request, found, told);
}

// The engine takes a client's date for good that is later than the object's. Here only the same one is: so
// the date is for the client alone where it has another.
function exactDate(
  { headers }: EngineRequest,
  { ref }: Found,
): { created: number | undefined; fields: ResponseField[] } {
  const modified = modifiedOf(ref.fields);
  if (modified === undefined) return { created: undefined, fields: [] };
  if (headers.get('if-modified-since') === modified) return { created: Date.parse(modified), fields: [] };
  return { created: undefined, fields: [['Last-Modified', modified]] };
}

/** What was wrong is in the log, once for all who waited: it may tell of networks that are not theirs. */
function refusal(error: unknown): Answer {
  const { code, retryAfter } = error instanceof SealgateError ? error : { code: 'upstream-failed' as const };
  return problem(code, undefined, [], { retryAfter });
}
