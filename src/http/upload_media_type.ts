// The media type of an upload: what the client says, else what the name says.

import type { FieldLines } from '../delivery/engine_request.ts';
import { checkedMediaType, mediaTypeOf } from '../media_type.ts';

/** Throws `media-type-invalid`. */
export function uploadMediaType(headers: FieldLines, name: string): string {
  const given = headers.get('content-type');
  return given === null ? mediaTypeOf(name) : checkedMediaType(given);
}
