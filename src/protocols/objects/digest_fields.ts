// Content-Digest and Repr-Digest of a request, and Repr-Digest of a response (RFC 9530). No content coding is
// accepted, so content and representation are the same bytes and both fields promise the same digest. Of the
// older fields, Digest (RFC 3230) and the X-Checksum fields of artifact repositories, SHA-256 is checked.

import { parseDictionary } from 'structured-headers';
import { isDigest } from '../../digest.ts';
import { type FieldLines, trimmed } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';

const digestBytes = 32;

/**
 * Fields that promise bytes and are not checked: of artifact repositories, ownCloud (OC-Checksum), Backblaze,
 * and Swift, whose ETag of an upload is its MD5.
 */
const unchecked = [
  'content-md5',
  'etag',
  'oc-checksum',
  'x-bz-content-sha1',
  ...['md5', 'sha1', 'sha256', 'sha512'].flatMap((hash) => [`x-${hash}`, `x-content-${hash}`]),
];
const isUnchecked = (name: string) => unchecked.includes(name) || name.startsWith('x-checksum-');
const checksum = 'X-Checksum-Sha256';
/** Characters of a field's name that an answer repeats. */
const shownCharacters = 60;

/**
 * The SHA-256 that the request promises, 64 hex digits; undefined when it promises none. Other algorithms in
 * the fields of RFC 9530 are ignored. Throws `digest-invalid`, and `field-refused` for older fields that
 * promise what is not checked: whoever sends them takes success for a comparison.
 */
export function promisedDigest(headers: FieldLines): string | undefined {
  refuseUnchecked(headers);
  const promises = [
    member('Content-Digest', headers),
    member('Repr-Digest', headers),
    ...digestField(headers),
    checksumField(headers),
  ].filter((each) => each !== undefined);
  const [digest, ...others] = promises;
  if (others.some((other) => other !== digest))
    throw new SealgateError('digest-invalid', 'The digest fields promise different bytes.');
  return digest;
}

/** The value of Repr-Digest. @param digest 64 hex digits. */
export function reprDigest(digest: string): string {
  return `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`;
}

function member(field: string, headers: FieldLines): string | undefined {
  const value = headers.get(field);
  if (value === null) return undefined;
  const found = dictionary(field, value).get('sha-256');
  if (found === undefined) return undefined;
  const [bytes] = found;
  if (!(bytes instanceof ArrayBuffer) || bytes.byteLength !== digestBytes) {
    throw new SealgateError(
      'digest-invalid',
      `${field}: sha-256 must be ${digestBytes} bytes between colons, in base64.`,
    );
  }
  return Buffer.from(bytes).toString('hex');
}

function dictionary(field: string, value: string) {
  try {
    return parseDictionary(value);
  } catch (cause) {
    throw new SealgateError('digest-invalid', `${field} is not a structured-field dictionary.`, { cause });
  }
}

function refuseUnchecked(headers: FieldLines): void {
  for (const name of headers.names()) {
    if (!isUnchecked(name) || name === checksum.toLowerCase()) continue;
    throw new SealgateError(
      'field-refused',
      `${name.slice(0, shownCharacters)} is not checked; promise SHA-256, in Content-Digest or ${checksum}.`,
    );
  }
}

// `Digest: SHA-256=BASE64`, a list. The names of algorithms have no case (RFC 3230 4.1.1).
function digestField(headers: FieldLines): string[] {
  const value = headers.get('digest');
  if (value === null) return [];
  return value.split(',').map((each) => {
    const [, algorithm = '', text = ''] = /^([^=]*)=(.*)$/.exec(trimmed(each)) ?? [];
    if (algorithm.toLowerCase() !== 'sha-256')
      throw new SealgateError(
        'field-refused',
        'Digest is checked where it is sha-256=BASE64, and nothing else.',
      );
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length === digestBytes && bytes.toString('base64') === text) return bytes.toString('hex');
    throw new SealgateError('digest-invalid', `Digest: sha-256 must be ${digestBytes} bytes in base64.`);
  });
}

function checksumField(headers: FieldLines): string | undefined {
  const digest = headers.get(checksum)?.toLowerCase();
  if (digest === undefined || isDigest(digest)) return digest;
  throw new SealgateError('digest-invalid', `${checksum} must be 64 hex digits.`);
}
