// The request fields of tus 1.0.0, read.

import type { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import { checkedMediaType } from '../../media_type.ts';

/** Characters of Upload-Metadata, which is kept in memory. */
const mostMetadata = 4096;
/** Keys under which clients say the media type: Uppy and tus-js-client's examples, and others. */
const typeKeys = ['filetype', 'contenttype', 'mimetype', 'type'];

/** Throws `field-refused`. */
export function wholeNumber(name: string, headers: FieldLines): number {
  const given = headers.get(name);
  const number = given !== null && /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new SealgateError('field-refused', `${name}: expected a whole number of bytes.`);
}

/** Bytes of the upload; undefined: a later request says it. Throws `field-refused`. */
export function lengthOf(headers: FieldLines): number | undefined {
  const deferred = headers.get('upload-defer-length');
  if (deferred === null) return wholeNumber('Upload-Length', headers);
  if (deferred === '1' && headers.get('upload-length') === null) return undefined;
  throw new SealgateError('field-refused', 'Upload-Defer-Length is 1, and stands without Upload-Length.');
}

export function isAppend(headers: FieldLines): boolean {
  return headers.get('content-type')?.toLowerCase() === 'application/offset+octet-stream';
}

/** Whoever sends a checksum takes success for a comparison. Throws `field-refused`. */
export function refuseChecksums(headers: FieldLines): void {
  if (headers.get('upload-checksum') === null && headers.get('upload-concat') === null) return;
  throw new SealgateError(
    'field-refused',
    'Upload-Checksum and Upload-Concat are not done here; promise a digest of all bytes in Repr-Digest.',
  );
}

/**
 * Upload-Metadata, which is told again as it was sent, and the media type that it says. Throws
 * `field-refused` and `media-type-invalid`.
 */
export function describedIn(headers: FieldLines): {
  metadata: string | undefined;
  mediaType: string | undefined;
} {
  const metadata = headers.get('upload-metadata') ?? undefined;
  if (metadata === undefined) return { metadata, mediaType: undefined };
  if (metadata.length > mostMetadata)
    throw new SealgateError('field-refused', `Upload-Metadata may have ${mostMetadata} characters.`);
  const given = new Map(metadata.split(',').map(pairOf));
  const key = typeKeys.find((each) => given.get(each));
  const type = key === undefined ? undefined : given.get(key);
  return { metadata, mediaType: type === undefined ? undefined : checkedMediaType(type) };
}

function pairOf(pair: string): [key: string, value: string] {
  const [key = '', value = '', ...more] = pair.trim().split(' ');
  if (key === '' || more.length > 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw new SealgateError('field-refused', 'Upload-Metadata: expected KEY BASE64 pairs between commas.');
  return [key.toLowerCase(), Buffer.from(value, 'base64').toString()];
}
