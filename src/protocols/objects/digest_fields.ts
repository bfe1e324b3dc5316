// Content-Digest and Repr-Digest of a request, and Repr-Digest of a response (RFC 9530). No content coding is
// accepted, so content and representation are the same bytes and both fields promise the same digest.

import { parseDictionary } from 'structured-headers';
import type { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';

const digestBytes = 32;

/**
 * The SHA-256 that the request promises, 64 hex digits; undefined when it promises none. Other algorithms
 * are ignored. Throws `digest-invalid`.
 */
export function promisedDigest(headers: FieldLines): string | undefined {
  const content = member('Content-Digest', headers);
  const representation = member('Repr-Digest', headers);
  if (content !== undefined && representation !== undefined && content !== representation) {
    throw new SealgateError('digest-invalid', 'Content-Digest and Repr-Digest promise different bytes.');
  }
  return content ?? representation;
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
