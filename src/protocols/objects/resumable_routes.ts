// Which protocol a request of an upload in several requests speaks: tus 1.0.0, or "Resumable Uploads for
// HTTP".

import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import type { Route } from '../../sites/resources.ts';
import { ResumableHttp, saysCompleteness } from './resumable_http.ts';
import type { ObjectRoute, Services, UploadRoute } from './services.ts';
import { Tus } from './tus.ts';
import { isAppend } from './tus_fields.ts';

/** @param put answers a PUT of a whole object. */
export function resumableRoutes(
  services: Services,
  resumable: NonNullable<Services['resumable']>,
  put: ObjectRoute,
) {
  const tus = new Tus(services, resumable);
  const http = new ResumableHttp(services, resumable);
  const create = http.create(put);
  const post: ObjectRoute = (request, captures) => {
    const { headers } = request;
    if (speaksTus(headers)) return tus.create(request, captures);
    if (saysCompleteness(headers)) return create(request, captures);
    throw new SealgateError(
      'field-refused',
      'A POST begins an upload in several requests, by Tus-Resumable or Upload-Complete; objects are PUT.',
    );
  };
  const upload: Record<'GET' | 'PATCH' | 'DELETE', UploadRoute> = {
    GET: either(tus.state, http.state),
    PATCH: either(tus.append, http.append),
    DELETE: either(tus.cancel, http.cancel),
  };
  return {
    object: {
      POST: post,
      PUT: (request: EngineRequest, captures: Parameters<ObjectRoute>[1]) =>
        saysCompleteness(request.headers) ? create(request, captures) : put(request, captures),
    },
    upload,
    options: () => [...tus.options(), ...http.options()],
  };
}

function either<Path extends string>(tus: Route<Path>, http: Route<Path>): Route<Path> {
  return (request, captures) => (speaksTus(request.headers) ? tus : http)(request, captures);
}

function speaksTus(headers: FieldLines): boolean {
  return headers.get('tus-resumable') !== null || isAppend(headers);
}
