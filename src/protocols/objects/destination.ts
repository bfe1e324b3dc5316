// The field Destination of COPY (RFC 4918 10.3): a name on this server, as a path or as an absolute URL.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import type { Name } from '../../objects/objects.ts';
import type { Services } from './services.ts';
import { objectTarget } from './target.ts';

const objectPattern = /^\/o\/([^/?#]*)\/([^?#]*[^/?#])$/;
/** What a URI consists of (RFC 3986 2). A blank is how two lines of the field arrive, combined by a comma. */
const uriPattern = /^[!-~]*$/;

/**
 * Throws `target-invalid`, `destination-elsewhere`, `bucket-unknown`, and what `authorize` throws of a client
 * that may not write there.
 */
export function destination({ authorize, objects, prefix }: Services, request: EngineRequest): Name {
  const given = request.headers.get('destination') ?? '';
  const absolute = /^([a-z][a-z0-9+.-]*:)\/\/[^/?#]*/i.exec(given);
  const path = given.slice(absolute?.[0].length ?? 0);
  const isOurs = uriPattern.test(path) && path.startsWith(prefix);
  const parts = isOurs ? objectPattern.exec(path.slice(prefix.length)) : null;
  if (!parts)
    throw new SealgateError(
      'target-invalid',
      `COPY needs one field Destination: ${prefix}/o/{bucket}/{name}; percent-encode what no URI has.`,
    );
  const to = objectTarget({ bucket: parts[1] ?? '', name: parts[2] ?? '' });
  authorize(request, 'write', to.bucket);
  if (absolute) checkHost(given, absolute[1] ?? '', request);
  objects.bucket(to.bucket);
  return to;
}

// The client's own name for this server is the one that its request is for. The scheme is not compared: a
// proxy in front may speak TLS where this server does not.
function checkHost(given: string, scheme: string, { authority }: EngineRequest): void {
  const asked = hostOf(`http://${authority}`, scheme);
  if (asked !== undefined && asked === hostOf(given, scheme)) return;
  throw new SealgateError('destination-elsewhere');
}

// As host names are compared: without regard to case, a dot at the end, or the scheme's own port.
function hostOf(url: string, scheme: string): string | undefined {
  const web = url.replace(/^[^:]*:/, scheme);
  if (!/^https?:$/i.test(scheme) || !URL.canParse(web)) return undefined;
  const { hostname, port } = new URL(web);
  return `${hostname.replace(/\.$/, '')}:${port}`;
}
