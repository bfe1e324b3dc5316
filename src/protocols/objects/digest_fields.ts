// The fields of a request that promise bytes: Content-Digest and Repr-Digest (RFC 9530), Content-MD5 (RFC
// 1864), Digest (RFC 3230), and the X-Checksum fields of artifact repositories. No content coding is undone,
// so content and representation are the same bytes and all fields promise digests of the same.

import { parseDictionary } from 'structured-headers';
import {
  bytesOfDigest,
  type DigestName,
  type Digests,
  digestNames,
  digestsIn,
  isDigest,
  isDigestOf,
  sha256Bytes,
} from '../../digest.ts';
import { type FieldLines, trimmed } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';

type Name = DigestName | 'sha256';
type Promised = [name: Name, hex: string];

/**
 * Fields that promise bytes and are not checked: of artifact repositories, ownCloud (OC-Checksum), Backblaze,
 * and Swift, whose ETag of an upload is its MD5.
 */
const unchecked = [
  'etag',
  'oc-checksum',
  'x-bz-content-sha1',
  ...['md5', 'sha1', 'sha256', 'sha512'].flatMap((hash) => [`x-${hash}`, `x-content-${hash}`]),
];
const checksumNames = ['sha256', 'md5', 'sha1', 'sha512'] as const;
const checksums: string[] = checksumNames.map((name) => `x-checksum-${name}`);
const isUnchecked = (name: string) =>
  unchecked.includes(name) || (name.startsWith('x-checksum-') && !checksums.includes(name));
/** Characters of a field's name that an answer repeats. */
const shownCharacters = 60;

/** What a request promises of its bytes. */
export interface Promises {
  /** SHA-256, 64 hex digits; undefined: it promises none. */
  digest: string | undefined;
  /** The others; undefined: there is none. */
  digests: Digests | undefined;
}

/**
 * Other algorithms in the fields of RFC 9530 are ignored. Throws `digest-invalid`, and `field-refused` for
 * older fields that promise what is not checked: whoever sends them takes success for a comparison.
 */
export function promisesOf(headers: FieldLines): Promises {
  refuseUnchecked(headers);
  const all = new Map<Name, string>();
  const given = [
    ...structured('Content-Digest', headers),
    ...structured('Repr-Digest', headers),
    ...contentMd5(headers),
    ...digestField(headers),
    ...checksumNames.flatMap((name) => checksumField(name, headers)),
  ];
  for (const [name, hex] of given) {
    if (all.has(name) && all.get(name) !== hex)
      throw new SealgateError('digest-invalid', 'The digest fields promise different bytes.');
    all.set(name, hex);
  }
  const further = digestNames.flatMap((name): Promised[] => {
    const hex = all.get(name);
    return hex === undefined ? [] : [[name, hex]];
  });
  return {
    digest: all.get('sha256'),
    digests: further.length > 0 ? Object.fromEntries(further) : undefined,
  };
}

function structured(field: string, headers: FieldLines): Promised[] {
  const value = headers.get(field);
  if (value === null) return [];
  return digestsIn(dictionary(field, value), (name, bytes) => {
    throw new SealgateError(
      'digest-invalid',
      `${field}: ${name} must be ${bytes} bytes between colons, in base64.`,
    );
  });
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
    if (!isUnchecked(name)) continue;
    throw new SealgateError(
      'field-refused',
      `${name.slice(0, shownCharacters)} is not checked; promise a digest in Content-Digest, Content-MD5 ` +
        'or X-Checksum-Sha256.',
    );
  }
}

function contentMd5(headers: FieldLines): Promised[] {
  const value = headers.get('content-md5');
  return value === null ? [] : [['md5', hexOf('Content-MD5', 'md5', trimmed(value))]];
}

/** Names of algorithms in Digest, which have no case (RFC 3230 4.1.1). */
const digestAlgorithms: Record<string, Name> = {
  'sha-256': 'sha256',
  'sha-512': 'sha512',
  sha: 'sha1',
  md5: 'md5',
};

// `Digest: SHA-256=BASE64`, a list.
function digestField(headers: FieldLines): Promised[] {
  const value = headers.get('digest');
  if (value === null) return [];
  return value.split(',').map((each): Promised => {
    const text = trimmed(each);
    const equals = text.indexOf('=');
    const algorithm = text.slice(0, Math.max(equals, 0)).toLowerCase();
    const name = Object.hasOwn(digestAlgorithms, algorithm) ? digestAlgorithms[algorithm] : undefined;
    if (name === undefined)
      throw new SealgateError(
        'field-refused',
        'Digest is checked where it is sha-256, sha-512, sha or md5, as sha-256=BASE64, and nothing else.',
      );
    return [name, hexOf(`Digest: ${algorithm}`, name, text.slice(equals + 1))];
  });
}

function hexOf(what: string, name: Name, text: string): string {
  const size = name === 'sha256' ? sha256Bytes : bytesOfDigest(name);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === size && bytes.toString('base64') === text) return bytes.toString('hex');
  throw new SealgateError('digest-invalid', `${what} must be ${size} bytes in base64.`);
}

function checksumField(name: (typeof checksumNames)[number], headers: FieldLines): Promised[] {
  const field = `X-Checksum-${name[0]?.toUpperCase()}${name.slice(1)}`;
  const hex = headers.get(field)?.toLowerCase();
  if (hex === undefined) return [];
  if (name === 'sha256' ? isDigest(hex) : isDigestOf(name, hex)) return [[name, hex]];
  const size = name === 'sha256' ? sha256Bytes : bytesOfDigest(name);
  throw new SealgateError('digest-invalid', `${field} must be ${2 * size} hex digits.`);
}
