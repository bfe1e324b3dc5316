// The fields of an upload that are recorded of the object: Content-Encoding, Content-Language,
// Content-Disposition, Cache-Control, Surrogate-Key or Cache-Tag, and Sealgate-Meta-NAME with whatever its
// owner notes.

import type { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import { checkedFields, fieldsIn, type ObjectFields } from '../../object_fields.ts';
import { expiryOf } from './expiry_fields.ts';

/** Undefined: the client says none of them. Throws what checkedFields does. */
export function uploadFields(headers: FieldLines): ObjectFields | undefined {
  const given = fieldsIn(headers.names(), (name) => headers.get(name) ?? undefined);
  if (given === undefined) return undefined;
  // Browsers and Java send both when a request is not to be answered from a cache: that is not the object's.
  if (headers.get('pragma')?.toLowerCase() === 'no-cache') delete given.cacheControl;
  const fields = checkedFields(given);
  // Cache-Control without a value says that nothing is to be recorded any more.
  return Object.keys(fields).length === 0 && given.cacheControl !== '' ? undefined : fields;
}

/** Throws where a client says fields of what has none: bytes without a name, a list of names. */
export function refuseFields(headers: FieldLines): void {
  if (expiryOf(headers) !== undefined)
    throw new SealgateError('field-refused', 'X-Delete-After and X-Delete-At are recorded of names alone.');
  if (uploadFields(headers) === undefined) return;
  throw new SealgateError(
    'field-refused',
    'Content-Encoding and the like, Cache-Control, tags and Sealgate-Meta are recorded of names alone.',
  );
}
