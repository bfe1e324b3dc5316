// The media type that a name suggests, by the IANA-registered types of the `mime` package.

import mime from 'mime';

/** `application/octet-stream` when the name suggests none. No charset: nobody knows what the bytes are. */
export function mediaTypeOf(name: string): string {
  return mime.getType(name) ?? 'application/octet-stream';
}
