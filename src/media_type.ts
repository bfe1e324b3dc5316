// The media type that a name suggests, by the IANA-registered types of the `mime` package.

import mime from 'mime';

/** `application/octet-stream` when the name suggests none. Text is taken to be UTF-8. */
export function mediaTypeOf(name: string): string {
  const type = mime.getType(name) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}
