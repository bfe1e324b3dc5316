// PUT /o/{bucket}/{name…}: a new name, or a new version of a name in a versioned bucket.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import { isRecordedType } from '../../media_type.ts';
import type { Hashed, RespondPlan } from '../../native/addon.ts';
import type { BucketKind } from '../../store/store.ts';
import { promisedDigest } from './digest_fields.ts';
import { checkPreconditions } from './preconditions.ts';
import type { Route, Services } from './services.ts';
import { objectPath, objectTarget } from './target.ts';
import { checkBody, stored, upload } from './upload.ts';
import { uploadMediaType } from './upload_media_type.ts';

export function putObject(services: Services): Route {
  return (request) => {
    const { bucket, name } = objectTarget(request.path);
    services.authorize(request, 'write', bucket);
    const kind = services.store.bucket(bucket)?.kind;
    if (kind === undefined) throw new SealgateError('bucket-unknown');
    checkBody(request);
    const promised = promisedDigest(request.headers);
    const to: Target = { bucket, name, kind, mediaType: uploadMediaType(request.headers) };
    checkWritable(services, request, to, promised);
    return upload(services, promised, (staging, body) =>
      services.turns.take(`${bucket}/${name}`, () => commit(services, request, to, staging, body)),
    );
  };
}

interface Target {
  bucket: string;
  name: string;
  kind: BucketKind;
  /** Undefined: the client does not say. */
  mediaType: string | undefined;
}

// Asked twice: before the body is received, to spare it, and before it is committed, when it counts.
function checkWritable(
  { store }: Services,
  request: EngineRequest,
  to: Target,
  digest: string | undefined,
): void {
  const current = store.resolve(to.bucket, to.name);
  const pointsAt = current?.deleted === false ? current : undefined;
  checkPreconditions(request.headers, pointsAt);
  if (digest === undefined || pointsAt === undefined || to.kind === 'versioned') return;
  if (pointsAt.digest !== digest) throw new SealgateError('name-taken');
  if (to.mediaType !== undefined && !isRecordedType(to.mediaType, pointsAt.mediaType))
    throw new SealgateError('media-type-differs');
}

async function commit(
  services: Services,
  request: EngineRequest,
  to: Target,
  staging: string,
  body: Hashed,
): Promise<RespondPlan> {
  const { store, epochs } = services;
  checkWritable(services, request, to, body.digest);
  await store.commitBlob(staging, body);
  const outcome = await store.putRef(to.bucket, to.name, { digest: body.digest, mediaType: to.mediaType });
  if (outcome === 'replaced') epochs.bump(to.bucket);
  const recorded = store.resolve(to.bucket, to.name);
  const mediaType = recorded?.deleted === false ? recorded.mediaType : to.mediaType;
  const about = { bucket: to.bucket, name: to.name, mediaType, ...body };
  return stored(outcome === 'created', objectPath(to.bucket, to.name), about);
}
