// What the path of a request means on a web site, as nginx and Caddy read it: percent-encoding is undone
// once, so that an encoded slash is a slash, and empty and dot segments are resolved. Nothing leads out of
// the site.

import { SealgateError } from '../../errors.ts';
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
  const sent = decoded(path.slice(sitePath.length)).split('/');
  const segments: string[] = [];
  for (const segment of sent) {
    if (segment === '..' && segments.pop() === undefined)
      throw new SealgateError('target-invalid', 'The request path leads out of the site.');
    if (!isDots(segment)) segments.push(segment);
  }
  const name = segments.join('/');
  if (Buffer.byteLength(name) > maxNameBytes) throw new SealgateError('not-found');
  const isFolder = isDots(sent.at(-1) ?? '');
  const folderEnd = isFolder && name !== '' ? '/' : '';
  return { path: `${decoded(sitePath)}${name}${folderEnd}`, name, isFolder };
}

function isDots(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..';
}

function decoded(text: string): string {
  let plain = text;
  try {
    if (text.includes('%')) plain = decodeURIComponent(text);
  } catch (cause) {
    throw new SealgateError('target-invalid', 'The request path has a bad percent-encoding.', { cause });
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (!plain.isWellFormed() || /[\u0000-\u001f\u007f\\]/.test(plain))
    throw new SealgateError('target-invalid', 'The request path has a control character or a backslash.');
  return plain;
}
