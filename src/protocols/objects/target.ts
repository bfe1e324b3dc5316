// What the paths of this protocol capture, as names and digests. Percent-encoding (RFC 3986 2.1) is undone
// exactly once, segment by segment, so that an encoded slash cannot make a different name.

import { isDigest } from '../../digest.ts';
import { SealgateError } from '../../errors.ts';
import type { Name } from '../../objects/objects.ts';
import { checkBucketName, checkObjectName } from '../../store/names.ts';

/** The object that `/o/{bucket}/{name…}` names. Throws `target-invalid`. */
export function objectTarget(captures: { bucket: string; name: string }): Name {
  const bucket = bucketTarget(captures);
  const { name: sent } = captures;
  const name = sent.includes('%') ? sent.split('/').map(decodeSegment).join('/') : sent;
  checkObjectName(name);
  return { bucket, name };
}

/** The bucket that `/o/{bucket}/` names. Throws `target-invalid`. */
export function bucketTarget(captures: { bucket: string }): string {
  const bucket = decodeSegment(captures.bucket);
  checkBucketName(bucket);
  return bucket;
}

/** The digest that `/sha256/{hex}` names. Throws `target-invalid`. */
export function digestTarget({ digest }: { digest: string }): string {
  if (isDigest(digest)) return digest;
  throw new SealgateError('target-invalid', 'The path must be /sha256/ and 64 lower-case hex digits.');
}

/** Throws `query-invalid`. @param key the parameter that says it. */
export function versionNumber(key: string, given: string): number {
  if (/^[1-9]\d{0,14}$/.test(given)) return Number(given);
  throw new SealgateError('query-invalid', `${key}: a whole number from 1 on.`);
}

/** @param prefix what the paths of the mount begin with; empty: nothing before /o/. */
export function objectPath({ bucket, name }: Name, prefix = ''): string {
  return `${prefix}/o/${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch (cause) {
    throw new SealgateError('target-invalid', 'The request path has a bad percent-encoding.', { cause });
  }
  if (decoded.includes('/'))
    throw new SealgateError('target-invalid', 'A name cannot hold an encoded slash.');
  return decoded;
}
