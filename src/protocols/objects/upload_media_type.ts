// The media type of an upload as the client says it; the store knows what to record when it says none.

import type { FieldLines } from '../../engine/engine_request.ts';
import { checkedMediaType } from '../../media_type.ts';

/** Throws `media-type-invalid`. */
export function uploadMediaType(headers: FieldLines): string | undefined {
  const given = headers.get('content-type');
  return given === null ? undefined : checkedMediaType(given);
}
