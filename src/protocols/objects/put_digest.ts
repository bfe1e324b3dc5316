// PUT /sha256/{hex}: bytes without a name. The URL itself is the promise that is checked.

import { receive } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import { promisesOf } from './digest_fields.ts';
import type { DigestRoute, Services } from './services.ts';
import { sourceTime } from './source_time.ts';
import { digestTarget } from './target.ts';
import { checkBody, stored } from './upload.ts';
import { refuseFields } from './upload_fields.ts';

export function putDigest({ objects, authorize, shownBytes }: Services): DigestRoute {
  return (request, captures) => {
    const digest = digestTarget(captures);
    authorize(request, 'write');
    checkBody(request);
    if (sourceTime(request.headers) !== undefined)
      throw new SealgateError('field-refused', 'X-OC-Mtime is recorded of names alone.');
    refuseFields(request.headers);
    const promises = promisesOf(request.headers);
    if ((promises.digest ?? digest) !== digest) {
      throw new SealgateError('digest-mismatch', 'The digest field and the path promise different bytes.');
    }
    const body = objects.putBlob(digest, conditionsOf(request.headers), promises.digests);
    return receive(body, ({ created, size }) => {
      shownBytes.add(request, digest);
      return stored(created, request.path, { digest, size });
    });
  };
}
