// COPY /o/{bucket}/{name…} and COPY /sha256/{hex} with Destination: /o/{bucket}/{name…} (RFC 4918 9.8):
// another name for bytes that are stored. No byte is copied. The name gets the source's media type, fields
// and time; X-OC-Mtime says another time, and whoever says a field (upload_fields.ts) says all of them. When
// the source ends is not taken over: X-Delete-After and X-Delete-At say when the new name does.
// With ?version=N it is an older version that is given the name, also that of its own: so it is restored.
// Conditions are on the destination, as those of PUT are on the name it writes: to copy just the bytes that
// were seen, COPY by digest.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import type { RespondPlan } from '../../native/addon.ts';
import { conditionsOf } from '../../objects/conditions.ts';
import type { Name } from '../../objects/objects.ts';
import type { NewRef } from '../../store/store.ts';
import { destination } from './destination.ts';
import { expiryOf, shownEnd } from './expiry_fields.ts';
import type { DigestRoute, ObjectRoute, Services } from './services.ts';
import { sourceTime, timeAccepted } from './source_time.ts';
import { digestTarget, objectPath, objectTarget, versionNumber } from './target.ts';
import { stored } from './upload.ts';
import { uploadFields } from './upload_fields.ts';

export function copyObject(services: Services): ObjectRoute {
  return async (request, captures) => {
    const at = objectTarget(captures);
    const version = versionOf(request);
    // An older version may have been deleted or replaced so that readers have it no longer.
    services.authorize(request, version === undefined ? 'read' : 'write', at.bucket);
    const to = destination(services, request);
    // Within the bucket the same readers get it; in another one they may be others.
    if (to.bucket !== at.bucket) services.authorize(request, 'read', at.bucket);
    const { objects } = services;
    const found = version === undefined ? objects.head(at) : objects.headVersion(at, version);
    const { digest, digests, mediaType, fields = {}, modified } = await found;
    return place(services, request, { digest, digests, mediaType, fields, modified }, to);
  };
}

export function copyDigest(services: Services): DigestRoute {
  return (request, captures) => {
    const digest = digestTarget(captures);
    services.authorize(request, 'read');
    const to = destination(services, request);
    return place(services, request, { digest }, to);
  };
}

async function place(
  { objects, prefix }: Services,
  request: EngineRequest,
  from: NewRef,
  to: Name,
): Promise<RespondPlan> {
  const overwrite = mayOverwrite(request);
  const given = sourceTime(request.headers);
  const said = uploadFields(request.headers);
  const times = { expires: expiryOf(request.headers), ...(given !== undefined && { modified: given }) };
  const source = { ...from, ...(said && { fields: said }), ...times };
  const { modified, fields, expires, ...about } = await objects.copy(source, to, {
    conditions: conditionsOf(request.headers),
    overwrite,
  });
  return stored(
    about.outcome === 'created',
    objectPath(to, prefix),
    { ...to, ...about, ...fields, ...shownEnd(expires) },
    timeAccepted(given, modified),
  );
}

function versionOf({ query }: EngineRequest): number | undefined {
  const given = query.getAll('version');
  return given.length === 0 ? undefined : versionNumber('version', given.join());
}

// RFC 4918 10.6. A value that cannot be read may have been meant to guard what is there.
function mayOverwrite({ headers }: EngineRequest): boolean {
  const given = headers.get('overwrite') ?? 'T';
  if (/^[TF]$/i.test(given)) return given.toUpperCase() === 'T';
  throw new SealgateError('field-refused', 'Overwrite is T or F.');
}
