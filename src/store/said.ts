// Said: the caller's word about bytes that a name is to point at, checked, and what the name and the bytes
// suggest where there is none.

import { checkedMediaType, mediaTypeOf } from '../media_type.ts';
import { checkedFields, type Said } from '../object_fields.ts';
import type { About } from './store.ts';
import { textType } from './text_type.ts';

/** Throws for what cannot be recorded. */
export function saidOf({ mediaType, fields }: About): Said {
  return {
    mediaType: mediaType === undefined ? undefined : checkedMediaType(mediaType),
    fields: fields && checkedFields(fields),
  };
}

/** The media type to record. @param path where the bytes are. */
export async function typeOf(
  name: string,
  { mediaType, fields }: Said,
  path: string,
  size: number,
): Promise<string> {
  if (mediaType !== undefined) return mediaType;
  const suggested = mediaTypeOf(name);
  // Coded bytes show only when they are decoded whether they are text.
  return fields?.contentEncoding === undefined ? textType(suggested, path, size) : suggested;
}
