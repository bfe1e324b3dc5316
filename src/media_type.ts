// Media types: the one that a name suggests, by the IANA-registered types of the `mime` package, and the
// check that each type passes that somebody gives, by whatever door it comes.

import { safeParse } from 'fast-content-type-parse';
import mime from 'mime';
import { SealgateError } from './errors.ts';

/** Bytes. RFC 6838 4.2 allows 127 for each half of the type; the rest is for parameters. */
const maxBytes = 512;

/** `application/octet-stream` when the name suggests none. No charset: nobody knows what the bytes are. */
export function mediaTypeOf(name: string): string {
  return mime.getType(name) ?? 'application/octet-stream';
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
