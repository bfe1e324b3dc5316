// What the path of a request means on a web site, as nginx and Caddy read it (sites/paths.ts). Nothing
// leads out of the site.

import { SealgateError } from '../../errors.ts';
import { decodedPath, resolvedPath, seenPath } from '../../sites/paths.ts';
import { maxNameBytes } from '../../store/names.ts';

export interface WebTarget {
  /** The path as clients see it, decoded, with a slash at its start. */
  path: string;
  /** What is asked for below the path of the site, without slashes at its ends; empty: the site itself. */
  name: string;
  /** Whether a folder is asked for: the path ends with a slash, or with a dot segment. */
  isFolder: boolean;
}

/** @param sitePath with a slash at both ends. Throws `target-invalid`, or `not-found` when too long. */
export function webTarget(path: string, sitePath: string): WebTarget {
  const sent = decodedPath(path.slice(sitePath.length));
  if (sent === undefined)
    throw new SealgateError(
      'target-invalid',
      'The request path has a bad percent-encoding, a control character or a backslash.',
    );
  const resolved = resolvedPath(sent);
  if (!resolved) throw new SealgateError('target-invalid', 'The request path leads out of the site.');
  if (Buffer.byteLength(resolved.name) > maxNameBytes) throw new SealgateError('not-found');
  return { ...resolved, path: seenPath(path) ?? '/' };
}
