// PUT /o/{bucket}/{name…}: a new name, or a new version of a name in a versioned bucket.

import { receive } from '../../engine/plan.ts';
import { mediaTypeOf } from '../../media_type.ts';
import { conditionsOf } from '../../objects/conditions.ts';
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
    return receive({ ...body, growing }, ({ modified: recorded, fields: its, expires: end, ...about }) =>
      stored(
        about.outcome === 'created',
        objectPath(to, prefix),
        { ...to, ...about, ...its, ...shownEnd(end) },
        timeAccepted(modified, recorded),
      ),
    );
  };
}
