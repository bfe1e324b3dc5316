// GET|HEAD of a file of a channel. A playlist is waited for until it has what a player asks for, and a file
// that is still arriving until it is whole, or it is read meanwhile where the site says so of its path.

import { cachingOf, publicCaching } from '../../engine/caching.ts';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Decision, type Delivery, problem, respond } from '../../engine/plan.ts';
import { isAbsent } from '../../errors.ts';
import type { GrowingFile, WaitPlan } from '../../native/addon.ts';
import type { Found } from '../../objects/objects.ts';
import { content } from '../../sites/content.ts';
import { foundOrGrowing, growingContent, isGrowing } from '../../sites/growing.ts';
import { seenPath } from '../../sites/paths.ts';
import { type MediaClass, mediaClassOf } from './media_class.ts';
import { withoutOld } from './offered.ts';
import { reachIn } from './playlists.ts';
import { type MediaRoute, type Point, pointName } from './point.ts';
import { withoutRecords } from './recorded.ts';
import { hasCome, patienceOf, type Reload, reloadOf, usualPatience } from './reload.ts';

/** Half of the shortest segments: a playlist that is older makes players late. */
const briefly = 'public, max-age=1';

/**
 * A segment's name is another one's when its encoder has been started anew. So long caches may answer for
 * all who watch at a time; that it is still the same is asked with its ETag.
 */
const untilReused = 'public, max-age=2';

/** Segments of a playlist that may be asked for by number and are kept so: those that players ask for. */
const mostAskedBack = 4;

interface Asked {
  point: Point;
  request: EngineRequest;
  /** In the bucket. */
  name: string;
  /** That readers need. */
  grant: string;
}

export function readMedia(point: Point): MediaRoute {
  return async (request) => {
    const name = pointName(point, request.path);
    const grant = point.services.authorize(request, 'read', point.bucket);
    const asked = { point, request, name, grant };
    const reload = reloadOf(request);
    if (reload && mediaClassOf(name) === 'playlist') return reloaded(asked, reload);
    const found = await foundOrComing(asked);
    // What begins with _HLS_ means nothing here, and would make many kept plans of one.
    return isFound(found) ? delivered(asked, found, !reload) : found;
  };
}

async function reloaded(asked: Asked, reload: Reload): Promise<Decision> {
  const { point, name, grant } = asked;
  const { playlists } = point;
  const found = await foundOrComing(asked);
  if (!isFound(found)) return found;
  const { digest, fields, mediaType } = found.ref;
  const reach = reachIn(fields);
  if (!reach) return delivered(asked, found, false);
  if (!hasCome(reach, reload, playlists.isAnew(name)))
    return waiting(playlists.change(name, digest), patienceOf(reach, reload), grant);
  const mayLeaveOut = reload.skips && reach.canBlock && !reach.isEnded && reach.skipUntil > 0;
  const text = mayLeaveOut ? playlists.textOf(name, digest) : undefined;
  if (text === undefined) {
    const isRecent = (reload.msn ?? 0) >= reach.end - mostAskedBack;
    return delivered(asked, found, isRecent);
  }
  const { fields: caching } = cachingOf(told(asked, found));
  return respond(200, [['Content-Type', mediaType], ...caching], withoutOld(text, reach.skipUntil));
}

function isFound(found: Found | Decision): found is Found {
  return 'ref' in found;
}

/** The object, or what is to be done while it is arriving. Rejects as `get` of objects does. */
async function foundOrComing({ point, request, name, grant }: Asked): Promise<Found | Decision> {
  const { services, bucket, playlists, totals } = point;
  const at = { bucket, name };
  const hinted = playlists.hinted(name);
  try {
    const found = await foundOrGrowing(services, request, at);
    if (!isGrowing(found)) return found;
    // A segment that HLS lists has to come at full speed (rfc8216bis 6.2.1).
    if (playlists.lists(name)) return waiting(found.file, usualPatience, grant);
    totals.growingReads += 1;
    return growingContent(services, found, grant);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    const until = services.arriving?.find(at)?.file ?? hinted;
    if (!until) throw error;
    return waiting(until, usualPatience, grant);
  }
}

function waiting(until: GrowingFile, patience: number, grant: string): WaitPlan {
  return {
    kind: 'wait',
    until,
    patience,
    otherwise: problem('not-in-time', undefined, [], { retryAfter: 1 }),
    grant,
  };
}

/** @param isKept whether the engine may answer the same request by itself. */
function delivered(asked: Asked, found: Found, isKept: boolean): Decision | Promise<Decision> {
  const { point, request } = asked;
  const { mediaType, digests, date } = found.ref;
  return content(point.services, request, found, {
    contentType: mediaType,
    digests,
    created: date,
    cache: isKept ? found.epoch : undefined,
    ...told(asked, found),
  });
}

function told({ point, request, name, grant }: Asked, found: Found) {
  const { caching } = point.services;
  const fields = withoutRecords(found.ref.fields);
  const path = caching && seenPath(request.path);
  const byRule = path === undefined ? undefined : caching?.(path, fields?.cacheControl);
  const cacheControl = byRule ?? fields?.cacheControl ?? cacheControlOf(mediaClassOf(name), point);
  return { fields, freshness: 'revalidate', cacheControl, grant } satisfies Partial<Delivery>;
}

function cacheControlOf(its: MediaClass, { rewrite }: Point): string {
  if (its === 'playlist') return briefly;
  return its === 'segment' && rewrite === 'refuse' ? untilReused : publicCaching.revalidate;
}
