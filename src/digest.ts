// Digests: SHA-256, by which blobs are known, written as 64 lower-case hexadecimal digits; and further ones,
// which are computed beside it where they are wanted. CRCs are written with their first byte first, as S3 and
// Google Cloud Storage have them.

import { type Dictionary, parseDictionary } from 'structured-headers';

export const sha256Bytes = 32;

/** Bytes of each, and its name in the fields of RFC 9530, where it has one. */
const further = {
  md5: { bytes: 16, field: 'md5' },
  sha1: { bytes: 20, field: 'sha' },
  sha512: { bytes: 64, field: 'sha-512' },
  crc32: { bytes: 4, field: undefined },
  crc32c: { bytes: 4, field: 'crc32c' },
  crc64nvme: { bytes: 8, field: undefined },
} as const;

const all = { sha256: { bytes: sha256Bytes, field: 'sha-256' }, ...further };

/** What the engine computes besides SHA-256 (native/store/further_digests.h). */
export type DigestName = keyof typeof further;
export const digestNames = Object.keys(further) as [DigestName, ...DigestName[]];

/** Digests of the same bytes, in lower-case hexadecimal digits. */
export type Digests = { [Name in DigestName]?: string };

export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Whether a text is such a digest in hex. */
export function isDigestOf(name: DigestName, text: string): boolean {
  return text.length === 2 * further[name].bytes && /^[0-9a-f]*$/.test(text);
}

export function bytesOfDigest(name: DigestName): number {
  return further[name].bytes;
}

export function namesOf(digests: Digests = {}): DigestName[] {
  return digestNames.filter((name) => digests[name] !== undefined);
}

/** Undefined where there is none, so that nothing is recorded of it. */
export function someDigests(digests: Digests): Digests | undefined {
  return namesOf(digests).length > 0 ? digests : undefined;
}

/** The value of Repr-Digest (RFC 9530). CRCs that have no name there are left out. @param digest SHA-256. */
export function reprDigest(digest: string, digests: Digests = {}): string {
  const members = namesOf(digests).flatMap((name) => {
    const { field } = further[name];
    return field === undefined ? [] : [member(field, digests[name] as string)];
  });
  return [member('sha-256', digest), ...members].join(', ');
}

function member(field: string, hex: string): string {
  return `${field}=:${Buffer.from(hex, 'hex').toString('base64')}:`;
}

/**
 * The digests that a dictionary of RFC 9530 has, SHA-256 as `sha256`; others are passed over. `refuse` is
 * called with the name of one whose value cannot be it, and how many bytes it has.
 */
export function digestsIn(
  dictionary: Dictionary,
  refuse: (field: string, bytes: number) => void,
): [name: DigestName | 'sha256', hex: string][] {
  const found: [DigestName | 'sha256', string][] = [];
  for (const [name, { bytes, field }] of Object.entries(all)) {
    const [value] = (field !== undefined && dictionary.get(field)) || [];
    if (value instanceof ArrayBuffer && value.byteLength === bytes)
      found.push([name as DigestName | 'sha256', Buffer.from(value).toString('hex')]);
    else if (value !== undefined) refuse(field as string, bytes);
  }
  return found;
}

/** The further digests that an answer's Repr-Digest tells; what cannot be read tells none. */
export function furtherIn(reprDigest: string): Digests | undefined {
  try {
    const found = digestsIn(parseDictionary(reprDigest), () => {});
    return someDigests(Object.fromEntries(found.filter(([name]) => name !== 'sha256')));
  } catch {
    return undefined;
  }
}
