// The media type of an upload: what the client says, else what the name says.

import type { FieldLines } from '../delivery/engine_request.ts';
import { SealgateError } from '../errors.ts';
import { mediaTypeOf } from '../media_type.ts';

/** Bytes. RFC 6838 4.2 allows 127 for each half of the type; the rest is for parameters. */
const maxBytes = 512;

// RFC 9110 5.6.2, 5.6.4, 5.6.6 and 8.3.1, in ASCII.
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[\\t !#-\\[\\]-~]|\\\\[\\t -~])*"';
const parameter = `[ \\t]*;[ \\t]*(?:${token}=(?:${token}|${quoted}))?`;
const mediaType = new RegExp(`^${token}/${token}(?:${parameter})*$`);

/** Throws `media-type-invalid`. */
export function uploadMediaType(headers: FieldLines, name: string): string {
  const given = headers.get('content-type');
  if (given === null) return mediaTypeOf(name);
  if (given.length > maxBytes || !mediaType.test(given)) throw new SealgateError('media-type-invalid');
  return given;
}
