// PUT|POST of a file of a channel. ffmpeg looks at no status and dies of a closed connection: what is refused
// is refused on a connection that stays, which is the engine's business, and said in the log.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, receive, respond } from '../../engine/plan.ts';
import { hasCode, SealgateError } from '../../errors.ts';
import { checkedMediaType, mediaTypeOf } from '../../media_type.ts';
import type { Hashed, ResponseField } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { Receiving } from '../../objects/receiving.ts';
import type { PutRequest } from '../../objects/requests.ts';
import { mayGrow, mediaClassOf } from './media_class.ts';
import type { Placing } from './placing.ts';
import { type MediaRoute, type Point, pointName } from './point.ts';
import { RefusedUploads } from './refused_uploads.ts';

export function putMedia(point: Point, placing: Placing): MediaRoute {
  const refused = new RefusedUploads(point);
  return (request) => {
    const { bucket, services } = point;
    const name = pointName(point, request.path);
    try {
      services.authorize(request, 'write', bucket);
      return received(point, request, name, { placing, refused });
    } catch (error) {
      // Strangers get no lines in the log.
      if (!hasCode(error, 'token-missing') && !hasCode(error, 'token-unknown')) refused.say(name, error);
      throw error;
    }
  };
}

interface Ways {
  placing: Placing;
  refused: RefusedUploads;
}

function received(point: Point, request: EngineRequest, name: string, { placing, refused }: Ways): Answer {
  const { bucket, window, services } = point;
  const { objects, whileWriting } = services;
  const { headers, framed } = request;
  objects.bucket(bucket);
  if (!framed) throw new SealgateError('length-required');
  if (headers.get('content-range') !== null) throw new SealgateError('partial-put-refused');
  const length = headers.get('content-length');
  // How a packager finds out whether it may write (DASH-IF live media ingest, interface 1).
  if (length === '0') return respond(200);
  const isSegment = mediaClassOf(name) === 'segment';
  const mediaType = typeOf(name, headers.get('content-type'));
  const at = { bucket, name };
  const about: PutRequest = {
    conditions: conditionsOf(headers),
    mediaType,
    ...(isSegment && window?.seconds && { expires: { after: window.seconds * 1000 } }),
  };
  placing.admit(name);
  // What can be refused before its body is.
  const to = objects.put(at, { ...about, ...(length !== null && { size: Number(length) }) });
  const { path } = request;
  const commit = (body: Hashed) => placing.place({ name, path, staging: to.staging, body, about });
  const body = { ...to, commit };
  const seen = { mediaType, fields: undefined };
  const readable = mayGrow(name) ? whileWriting?.begin(request, at, seen) : undefined;
  const growing = readable ?? services.arriving?.begin(at, { ...seen, isHeld: true }).file;
  return receive({ ...loud(body, name, refused), growing }, ({ outcome, digest }) => {
    const tag: ResponseField = ['ETag', `"${digest}"`];
    return respond(outcome === 'created' ? 201 : 200, [tag]);
  });
}

/** A body whose refusal is said in the log, too. */
function loud<T>(body: Receiving<T>, name: string, refused: RefusedUploads): Receiving<T> {
  const commit = async (hashed: Hashed) => {
    try {
      return await body.commit(hashed);
    } catch (error) {
      refused.say(name, error);
      throw error;
    }
  };
  return { ...body, commit };
}

// The name comes first: packagers send a type that is the same for all their files.
function typeOf(name: string, given: string | null): string {
  const said = given === null ? undefined : checkedMediaType(given);
  const byName = mediaTypeOf(name);
  return byName === 'application/octet-stream' ? (said ?? byName) : byName;
}
