// The content of a blob as an answer: its bytes, or while its file is being proved what is recorded of it.

import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { EngineRequest } from '../engine/engine_request.ts';
import { type Decision, type Delivery, deliver, describe, problem, problemFrom } from '../engine/plan.ts';
import { hasCode } from '../errors.ts';
import type { Hashed, SealRecord } from '../native/addon.ts';
import type { Found, FoundBlob } from '../objects/objects.ts';
import type { Services } from './mount.ts';
import { seenPath } from './paths.ts';
import { tagLines } from './tag_fields.ts';

/** The newest version of a name. */
export function objectContent(
  services: ContentServices,
  request: EngineRequest,
  found: Found,
  grant: string,
  otherwise: Partial<Pick<Delivery, 'cache' | 'more'>> = {},
): Decision | Promise<Decision> {
  return content(services, request, found, {
    contentType: found.ref.mediaType,
    fields: found.ref.fields,
    digests: found.ref.digests,
    freshness: found.kind === 'write-once' ? 'immutable' : 'revalidate',
    grant,
    created: found.ref.date,
    cache: found.epoch,
    ...otherwise,
  });
}

/** What the content of an answer is made with. */
type ContentServices = Pick<Services, 'log' | 'caching' | 'negotiate' | 'isPublic' | 'tagFields'>;

export function content(
  { log, caching, negotiate, isPublic, tagFields }: ContentServices,
  request: EngineRequest,
  found: FoundBlob,
  told: Omit<Delivery, 'expires' | 'floor'>,
): Decision | Promise<Decision> {
  const { of, ...negotiated } = negotiate?.(request, found, told) ?? { of: found };
  const { blob, recorded, floor, expires } = of;
  const { freshUntil } = found;
  const tags = tagFields && told.fields?.surrogateKey;
  const how = {
    ...told,
    ...(tags !== undefined && { more: [...(told.more ?? []), ...tagLines(tagFields, tags)] }),
    ...negotiated,
    ...cachingFor(caching, request, told),
    ...(isPublic !== undefined && { isPublic }),
    ...(floor && { floor }),
    ...(expires !== undefined && { expires }),
    ...(freshUntil !== undefined && freshFor(freshUntil, told)),
  };
  return blob instanceof Promise ? whileProved(request, blob, recorded, how, log) : deliver(blob, how);
}

/** A shared name is looked for again once it is no longer fresh: until then alone its plan is kept. */
function freshFor(until: number, { cache }: Delivery): Pick<Delivery, 'cache' | 'planUntil'> {
  const planUntil = Math.floor(until / 1000);
  return planUntil > Math.floor(Date.now() / 1000) ? { cache, planUntil } : { cache: undefined };
}

/** What the rules of the site say, where the protocol says nothing for this answer alone. */
function cachingFor(
  caching: Services['caching'],
  request: EngineRequest,
  told: Delivery,
): Pick<Delivery, 'cacheControl'> {
  const path = caching && told.cacheControl === undefined ? seenPath(request.path) : undefined;
  if (!caching || path === undefined) return {};
  const cacheControl = caching(path, told.fields?.cacheControl);
  return cacheControl === undefined ? {} : { cacheControl };
}

// Milliseconds in which a small file is hashed, and one that cannot be reached is found to be so.
const shortly = 200;

// Bytes wait for the proof, though not for long; what needs none waits no longer than a small file takes.
async function whileProved(
  request: EngineRequest,
  proof: Promise<SealRecord>,
  recorded: Hashed | undefined,
  how: Delivery,
  log: Logger,
): Promise<Decision> {
  try {
    if (!recorded || !needsNoBytes(request, recorded)) return deliver(await proof, how);
    const record = await Promise.race([proof, setTimeout(shortly)]);
    return record ? deliver(record, how) : describe(recorded, how, problem('proof-under-way'));
  } catch (error) {
    if (!recorded || !hasCode(error, 'proof-under-way')) throw error;
    return describe(recorded, how, problemFrom(error, log));
  }
}

function needsNoBytes({ method, headers }: EngineRequest, { digest }: Hashed): boolean {
  return method === 'HEAD' || headers.get('if-none-match')?.includes(digest) === true;
}
