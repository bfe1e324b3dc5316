// PUT /o/{bucket}/{name…}: a new name, or a new version of a name in a versioned bucket.

import { receive } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { mediaTypeOf } from '../../media_type.ts';
import type { RespondPlan } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { Name } from '../../objects/objects.ts';
import type { Stored } from '../../objects/requests.ts';
import { promisesOf } from './digest_fields.ts';
import { expiryOf, shownEnd } from './expiry_fields.ts';
import type { ObjectRoute, Services } from './services.ts';
import { sourceTime, timeAccepted } from './source_time.ts';
import { objectPath, objectTarget } from './target.ts';
import { bodyLength, checkBody, stored } from './upload.ts';
import { uploadFields } from './upload_fields.ts';
import { uploadMediaType } from './upload_media_type.ts';

export function putObject({ objects, authorize, prefix, whileWriting }: Services): ObjectRoute {
  return (request, captures) => {
    const { headers } = request;
    const to = objectTarget(captures);
    authorize(request, 'write', to.bucket);
    objects.bucket(to.bucket);
    checkBody(request);
    // By "Resumable Uploads for HTTP" the rest is to come (resumable_http.ts).
    if (headers.get('upload-complete')?.trim() === '?0') throw new SealgateError('partial-put-refused');
    const promises = promisesOf(headers);
    const mediaType = uploadMediaType(headers);
    const fields = uploadFields(headers);
    const modified = sourceTime(headers);
    const expires = expiryOf(headers);
    const conditions = conditionsOf(headers);
    const size = bodyLength(headers);
    const body = objects.put(to, { conditions, ...promises, mediaType, fields, modified, expires, size });
    const about = { mediaType: mediaType ?? mediaTypeOf(to.name), fields };
    const growing = whileWriting?.begin(request, to, about);
    return receive({ ...body, growing }, (result) => objectStored(to, prefix, result, modified));
  };
}

/** What a client is told of what it stored. @param modified when it said that its source changed. */
export function objectStored(
  to: Name,
  prefix: string,
  { modified: recorded, fields, expires, ...about }: Stored,
  modified: number | undefined,
): RespondPlan {
  const path = objectPath(to, prefix);
  const all = { ...to, ...about, ...fields, ...shownEnd(expires) };
  return stored(about.outcome === 'created', path, all, timeAccepted(modified, recorded));
}
