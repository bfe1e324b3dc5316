// Media types: the type that a file name suggests, and the validation of types that clients give. The `mime`
// package is extended by types of video origins and package mirrors.

import { safeParse } from 'fast-content-type-parse';
import { Mime } from 'mime/lite';
import otherTypes from 'mime/types/other.js';
import standardTypes from 'mime/types/standard.js';
import { SealgateError } from './errors.ts';
import { streamingTypes } from './streaming_names.ts';

/** Bytes. RFC 6838 section 4.2 allows 127 for each half of the type; the rest is for parameters. */
const maxBytes = 512;

/** File extensions that the package does not know or maps to another type. */
const ourTypes = {
  'application/vnd.debian.binary-package': ['deb', 'udeb'],
  'application/zstd': ['zst', 'tzst'],
  'application/gzip': ['tgz'],
  'application/x-xz': ['txz'],
  'application/x-bzip2': ['bz2', 'tbz', 'tbz2'],
  // Files that accompany packages: control files, checksums, patches. The package has other types for some.
  'text/plain': ['dsc', 'changes', 'buildinfo', 'md5', 'sha1', 'sha256', 'sha512', 'diff', 'patch'],
};
const types = new Mime(standardTypes, otherTypes).define(ourTypes, true);
for (const [extension, type] of Object.entries(streamingTypes)) types.define({ [type]: [extension] }, true);

/** `application/octet-stream` when the name suggests nothing. No charset, which depends on the contents. */
export function mediaTypeOf(name: string): string {
  // Without a slash the library takes a name without a dot for an extension.
  return types.getType(`/${name}`) ?? 'application/octet-stream';
}

/** Whether two valid types are equivalent, regardless of case, spaces, quotes and the order of parameters. */
function isSameMediaType(one: string, other: string): boolean {
  return one === other || canonical(one) === canonical(other);
}

/** The store appends this to a type that it derived from the name, when the text is proven to be UTF-8. */
export const provedUtf8 = '; charset=utf-8';

/** Whether a given type equals the recorded one, apart from a charset that the store added. */
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
 * The media type without surrounding white space (RFC 9110 section 8.3.1). Throws `media-type-invalid`.
 * Only ASCII is allowed, because the type becomes part of a response head.
 */
export function checkedMediaType(given: string): string {
  const type = given.trim();
  const isAscii = () => /^[\t -~]*$/.test(type);
  if (type.length <= maxBytes && isAscii() && isOneType(safeParse(type).type)) return type;
  throw new SealgateError('media-type-invalid');
}

// A range such as text/* says what a client accepts; no type has an asterisk (RFC 6838 section 4.2).
function isOneType(essence: string): boolean {
  return essence !== '' && !essence.includes('*');
}
