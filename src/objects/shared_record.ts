// What a record of the tier is to the objects service, and to the store of this server.

import type { Descriptor } from '../store/store.ts';
import type { HeldRecord } from '../upstream/tier_record.ts';

export function descriptorOf({ digest, digests, size, mediaType, fields, ...times }: HeldRecord): Descriptor {
  const { created, modified, expires } = times;
  return {
    ...{ digest, size, mediaType, created, date: created },
    ...(digests && { digests }),
    ...(fields && { fields: fields as NonNullable<Descriptor['fields']> }),
    ...(modified !== undefined && { modified }),
    ...(expires !== undefined && { expires }),
  };
}

/** What the store is told of it. */
export function aboutOf({ mediaType, fields = {}, modified, expires }: HeldRecord) {
  return { mediaType, fields, modified, ...(expires !== undefined && { expires: { at: expires } }) };
}
