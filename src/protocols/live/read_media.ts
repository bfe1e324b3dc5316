// GET|HEAD of a file of a channel, or of what has arrived of it where the site says so of its path.

import { publicCaching } from '../../engine/caching.ts';
import { content } from '../../sites/content.ts';
import { foundOrGrowing, growingContent, isGrowing } from '../../sites/growing.ts';
import { seenPath } from '../../sites/paths.ts';
import { type MediaClass, mediaClassOf } from './media_class.ts';
import { type MediaRoute, type Point, pointName } from './point.ts';
import { withoutSession } from './sessions.ts';

/** Half of the shortest segments: a playlist that is older makes players late. */
const briefly = 'public, max-age=1';

/**
 * A segment's name is another one's when its encoder has been started anew. So long caches may answer for
 * all who watch at a time; that it is still the same is asked with its ETag.
 */
const untilReused = 'public, max-age=2';

export function readMedia(point: Point): MediaRoute {
  const { services, bucket } = point;
  return async (request) => {
    const name = pointName(point, request.path);
    const grant = services.authorize(request, 'read', bucket);
    const found = await foundOrGrowing(services, request, { bucket, name });
    if (isGrowing(found)) return growingContent(services, found, grant);
    const { mediaType, digests, date } = found.ref;
    const fields = withoutSession(found.ref.fields);
    const path = services.caching && seenPath(request.path);
    const byRule = path === undefined ? undefined : services.caching?.(path, fields?.cacheControl);
    return content(services, request, found, {
      contentType: mediaType,
      fields,
      digests,
      freshness: 'revalidate',
      cacheControl: byRule ?? fields?.cacheControl ?? cachingOf(mediaClassOf(name), point),
      grant,
      created: date,
      cache: found.epoch,
    });
  };
}

function cachingOf(its: MediaClass, { rewrite }: Point): string {
  if (its === 'playlist') return briefly;
  return its === 'segment' && rewrite === 'refuse' ? untilReused : publicCaching.revalidate;
}
