// PUT /sha256/{hex}: bytes without a name. The URL itself is the promise that is checked.

import { SealgateError } from '../../errors.ts';
import { promisedDigest } from './digest_fields.ts';
import { checkPreconditions } from './preconditions.ts';
import type { Route, Services } from './services.ts';
import { digestTarget } from './target.ts';
import { checkBody, stored, upload } from './upload.ts';

export function putDigest(services: Services): Route {
  const { store, authorize } = services;
  return (request) => {
    const digest = digestTarget(request.path);
    authorize(request, 'write');
    checkBody(request);
    if ((promisedDigest(request.headers) ?? digest) !== digest) {
      throw new SealgateError('digest-mismatch', 'The digest field and the path promise different bytes.');
    }
    const blob = store.blob(digest);
    checkPreconditions(request.headers, blob && { digest, date: blob.created });
    return upload(services, digest, async (staging, body) => {
      const created = store.blob(digest) === undefined;
      await store.commitBlob(staging, body);
      return stored(created, request.path, { ...body });
    });
  };
}
