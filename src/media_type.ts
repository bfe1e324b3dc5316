// Media types: the one that a name suggests, by the `mime` package and what video origins and package mirrors
// need besides, and the check that each type passes that somebody gives, by whatever door it comes.

import { safeParse } from 'fast-content-type-parse';
import { Mime } from 'mime/lite';
import otherTypes from 'mime/types/other.js';
import standardTypes from 'mime/types/standard.js';
import { SealgateError } from './errors.ts';

/** Bytes. RFC 6838 4.2 allows 127 for each half of the type; the rest is for parameters. */
const maxBytes = 512;

/** Endings that the package does not know, or takes for those of something else. */
const ourTypes = {
  // CMAF tracks (ISO/IEC 23000-19); Smooth Streaming's are the same format.
  'video/mp4': ['cmfv', 'm4v', 'ismv'],
  'audio/mp4': ['cmfa', 'isma'],
  'application/mp4': ['cmft', 'cmfm'],
  'audio/ac3': ['ac3'],
  'audio/eac3': ['ec3', 'eac3'],
  'audio/flac': ['flac'],
  'application/ttml+xml': ['dfxp'],
  // Keys of encrypted HLS segments, not documents of Keynote.
  'application/octet-stream': ['key'],
  'application/vnd.debian.binary-package': ['deb', 'udeb'],
  'application/zstd': ['zst', 'tzst'],
  'application/gzip': ['tgz'],
  'application/x-xz': ['txz'],
  'application/x-bzip2': ['bz2', 'tbz', 'tbz2'],
  // What stands beside packages: control files, checksums, patches; not line tags (prs.lines.tag).
  'text/plain': ['dsc', 'changes', 'buildinfo', 'md5', 'sha1', 'sha256', 'sha512', 'diff', 'patch'],
};
const types = new Mime(standardTypes, otherTypes).define(ourTypes, true);

/** `application/octet-stream` when the name suggests none. No charset: that is a matter of the bytes. */
export function mediaTypeOf(name: string): string {
  return types.getType(name) ?? 'application/octet-stream';
}

/** Whether two valid types mean the same: case, blanks, quotes and the order of parameters do not count. */
export function isSameMediaType(one: string, other: string): boolean {
  return one === other || canonical(one) === canonical(other);
}

/** What the store adds to a type that nobody gave, of text that is proved to be in UTF-8. */
export const provedUtf8 = '; charset=utf-8';

/** Whether a given type means the recorded one, but for the charset that the store may have added to it. */
export function isRecordedType(given: string, recorded: string): boolean {
  if (isSameMediaType(given, recorded)) return true;
  return recorded.endsWith(provedUtf8) && isSameMediaType(given, recorded.slice(0, -provedUtf8.length));
}

function canonical(text: string): string {
  const { type, parameters } = safeParse(text);
  const { charset, ...others } = parameters;
  const entries = Object.entries(others).concat(charset ? [['charset', charset.toLowerCase()]] : []);
  return JSON.stringify([type, entries.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * The given media type without the blanks around it (RFC 9110 8.3.1). Throws `media-type-invalid`.
 * ASCII alone: the type becomes a line of a response head.
 */
export function checkedMediaType(given: string): string {
  const type = given.trim();
  const isAscii = () => /^[\t -~]*$/.test(type);
  if (type.length <= maxBytes && isAscii() && safeParse(type).type !== '') return type;
  throw new SealgateError('media-type-invalid');
}
