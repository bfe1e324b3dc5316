// Said: checks the media type and fields that a caller gives for an object, and finds the media type that
// name and bytes suggest when the caller gives none.

import { checkedMediaType, mediaTypeOf } from '../media_type.ts';
import { checkedFields, type Said } from '../object_fields.ts';
import type { About } from './store.ts';
import { textType } from './text_type.ts';

/** What the caller gave, in the form in which it is recorded. Throws when it cannot be recorded. */
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
  // Whether coded bytes are text cannot be seen without decoding them.
  return fields?.contentEncoding === undefined ? textType(suggested, path, size) : suggested;
}
