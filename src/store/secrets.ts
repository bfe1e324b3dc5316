// Secrets: files that nobody means to publish. A private key is known by what it holds, whatever it is
// called, and by names that mean nothing else.

import { createPrivateKey } from 'node:crypto';
import { closeSync, fstatSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import { openRegularSync } from '../regular_file.ts';

/** Bytes of a file that may be a key as a whole: more than one behind a long chain of certificates. */
export const maxKeyFileBytes = 1024 * 1024;
/** Bytes of a larger file that are searched for keys: dumps and archives, at some 3 ms a MiB. */
const maxSearchedBytes = 64 * 1024 * 1024;
/** Bytes of the key files that players fetch (RFC 8216 4.3.2.4): they are content. */
const hlsKeyBytes = 16;

/** PEM (RFC 7468), OpenSSH, PGP, PuTTY, SSH.com and age write their private keys as text. */
const keyTexts = [
  'PRIVATE KEY-----',
  'PRIVATE KEY BLOCK-----',
  'PuTTY-User-Key-File-',
  'BEGIN SSH2 ENCRYPTED PRIVATE KEY',
  'AGE-SECRET-KEY-1',
].flatMap(spellings);
/** In a file too large for a key alone: a PEM line and a key's first bytes. Programs hold the line alone. */
const keyMarks = spellings('PRIVATE KEY');
const keyBegin =
  /^PRIVATE KEY(?: BLOCK)?-----(?:\r?\n|\\r|\\n){1,4}(?:[A-Za-z0-9+/]{24}|(?:Proc-Type|Version|Comment):)/;
/** Bytes that this takes at most, in UTF-16. */
const keyBeginBytes = 160;
const tokensMember = spellings('"tokens"');
/** A bearer token of Sealgate, which stands alone: base64url holds its beginning by chance. */
const bearerToken = /(?<![\w-])sgt_[\w-]{43}(?![\w-])/;
const tokenMarks = spellings('sgt_');
/** Bytes that a token and the character behind it take at most, in UTF-16. */
const tokenBytes = 2 * (4 + 43 + 1);

/** An ASCII text in UTF-8 and, as Windows writes it, in UTF-16 of both byte orders. */
function spellings(text: string): Buffer[] {
  const littleEndian = Buffer.from(text, 'utf16le');
  return [Buffer.from(text), littleEndian, Buffer.from(littleEndian).swap16()];
}
/** Java key stores: JKS and JCEKS. */
const keyStores = ['feedfeed', 'cececece'];
/** PKCS#5 and PKCS#12 encryption, as DER has them at the head of an encrypted key (RFC 5958 3). */
const encryptions = ['06092a864886f70d0105', '060a2a864886f70d010c01'];

const keyNames = new Set(['id_rsa', 'id_dsa', 'id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk']);
const keyEndings = new Set(['.key', '.p12', '.pfx', '.p8', '.pk8', '.jks', '.keystore', '.ppk', '.kdbx']);
const credentials = new Set(['.env', '.aws/credentials', '.docker/config.json']);
/** Also with a dot or, as on Windows, an underscore in front. */
const passwordFiles = new Set([
  ...['netrc', 'pgpass', 'npmrc', 'pypirc', 'git-credentials', 'vault-token', 'htpasswd', 'htdigest'],
  ...['shadow', 'shadow-', 'gshadow', 'gshadow-'],
]);

/** Why a file is not published unasked; undefined: nothing is against it. @param name that it is to have. */
export function secretIn(name: string, path: string): string | undefined {
  const file = openRegularSync(path, { noLink: true });
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, maxKeyFileBytes));
    const head = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
    const inContent = size <= maxKeyFileBytes ? secretByContent(head) : secretInLarge(file);
    return refusal(inContent ?? secretByName(name, head));
  } finally {
    closeSync(file);
  }
}

/** As secretIn, of the bytes of a whole file: of at most a MiB. */
export function secretInBytes(name: string, bytes: Buffer): string | undefined {
  return refusal(secretByContent(bytes) ?? secretByName(name, bytes));
}

function refusal(fault: string | undefined): string | undefined {
  return fault && `${fault}, and was left out; --publish-secrets takes it`;
}

function secretInLarge(file: number): string | undefined {
  const piece = Buffer.alloc(maxKeyFileBytes + keyBeginBytes);
  for (let at = 0; at < maxSearchedBytes; at += maxKeyFileBytes) {
    const length = readSync(file, piece, 0, piece.length, at);
    if (holdsKeyBegin(piece.subarray(0, length))) return 'holds a private key';
    if (length < piece.length) break;
  }
  return undefined;
}

function holdsKeyBegin(bytes: Buffer): boolean {
  return holds(bytes, keyMarks, keyBegin, { before: 0, after: keyBeginBytes });
}

function holdsToken(bytes: Buffer): boolean {
  return holds(bytes, tokenMarks, bearerToken, { before: 2, after: tokenBytes });
}

/** Whether a mark stands in a text that matches. @param around bytes before and from the mark to look at. */
function holds(
  bytes: Buffer,
  marks: Buffer[],
  text: RegExp,
  around: { before: number; after: number },
): boolean {
  return marks.some((mark) => {
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) {
      const near = bytes.toString('latin1', Math.max(0, at - around.before), at + around.after);
      if (text.test(near.replaceAll('\0', ''))) return true;
    }
    return false;
  });
}

function secretByContent(bytes: Buffer): string | undefined {
  if (keyTexts.some((text) => bytes.includes(text))) return 'holds a private key';
  if (isDerKey(bytes) || keyStores.includes(bytes.subarray(0, 4).toString('hex')))
    return 'holds a private key';
  return isTokenFile(bytes) || holdsToken(bytes) ? 'holds tokens of Sealgate' : undefined;
}

function secretByName(name: string, bytes: Buffer): string | undefined {
  const base = posix.basename(name);
  if (keyNames.has(base)) return 'is called like a private key';
  const ending = posix.extname(base).toLowerCase();
  if (ending === '.key' && isKnownContent(bytes)) return undefined;
  if (keyEndings.has(ending)) return 'is called like a private key';
  const inFolder = `${posix.basename(posix.dirname(name))}/${base}`;
  const bare = base.replace(/^[._]/, '').toLowerCase();
  return credentials.has(base) || credentials.has(inFolder) || passwordFiles.has(bare)
    ? 'is called like a file of passwords'
    : undefined;
}

// Key files of HLS have 16 bytes; documents of Keynote are ZIP archives.
function isKnownContent(bytes: Buffer): boolean {
  return bytes.length === hlsKeyBytes || bytes.subarray(0, 4).toString('latin1') === 'PK\x03\x04';
}

/** PKCS#8, PKCS#1 or SEC1, encrypted or not; PKCS#12 as well (RFC 7292 4). */
function isDerKey(bytes: Buffer): boolean {
  if (bytes[0] !== 0x30 || bytes.length < 32) return false;
  const head = bytes.subarray(0, 80).toString('hex');
  if (encryptions.some((oid) => head.slice(0, 40).includes(oid))) return true;
  // PFX: version 3, then a content of type data or signed data.
  if (/^30(?:8[0-4]|[0-7])[0-9a-f]{1,9}02010330/.test(head)) return true;
  return (['pkcs8', 'pkcs1', 'sec1'] as const).some((type) => {
    try {
      createPrivateKey({ key: bytes, format: 'der', type });
      return true;
    } catch {
      return false;
    }
  });
}

function isTokenFile(bytes: Buffer): boolean {
  if (!tokensMember.some((text) => bytes.includes(text))) return false;
  try {
    const { tokens } = JSON.parse(decoded(bytes));
    return (
      Array.isArray(tokens) &&
      tokens.some((each) => Object(each) === each && 'hash' in each && 'scopes' in each)
    );
  } catch {
    return false;
  }
}

/** By its byte order mark, which is left out; without one it is UTF-8. */
function decoded(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe') return bytes.subarray(2).toString('utf16le');
  if (mark === 'feff')
    return Buffer.from(bytes.subarray(2, bytes.length - (bytes.length % 2)))
      .swap16()
      .toString('utf16le');
  return bytes.toString().replace(/^\uFEFF/, '');
}
