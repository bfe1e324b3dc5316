// Request paths to names and digests. Percent-encoding (RFC 3986 2.1) is undone exactly once, segment by
// segment, so that an encoded slash cannot make a different name.

import { isDigest } from '../../digest.ts';
import { SealgateError } from '../../errors.ts';
import { checkBucketName, checkObjectName } from '../../store/names.ts';

/** `/o/{bucket}/{name…}`. Throws `target-invalid`. */
export function objectTarget(path: string): { bucket: string; name: string } {
  const slash = path.indexOf('/', '/o/'.length);
  const bucket = decodeSegment(path.slice('/o/'.length, slash));
  const rest = path.slice(slash + 1);
  const name = rest.includes('%') ? rest.split('/').map(decodeSegment).join('/') : rest;
  checkBucketName(bucket);
  checkObjectName(name);
  return { bucket, name };
}

/** `/o/{bucket}/`. Throws `target-invalid`. */
export function bucketTarget(path: string): string {
  const bucket = decodeSegment(path.slice('/o/'.length, -1));
  checkBucketName(bucket);
  return bucket;
}

/** `/sha256/{hex}`. Throws `target-invalid`. */
export function digestTarget(path: string): string {
  const digest = path.slice('/sha256/'.length);
  if (!isDigest(digest)) {
    throw new SealgateError('target-invalid', 'The path must be /sha256/ and 64 lower-case hex digits.');
  }
  return digest;
}

export function objectPath(bucket: string, name: string): string {
  return `/o/${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
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
