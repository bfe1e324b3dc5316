// What both kinds of PUT share: which bodies are taken, and how the answer tells what was stored.

import { reprDigest } from '../../digest.ts';
import type { EngineRequest, FieldLines } from '../../engine/engine_request.ts';
import { respondJson } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Hashed, RespondPlan, ResponseField } from '../../native/addon.ts';

/** Throws when the body cannot be stored as what the resource is to be from now on. */
export function checkBody({ framed, headers }: Pick<EngineRequest, 'framed' | 'headers'>): void {
  if (!framed) throw new SealgateError('length-required');
  if (headers.get('content-range') !== null) throw new SealgateError('partial-put-refused');
  checkFields(headers);
}

/** Request fields that clients of other stores send, and expect to be kept or done. */
const foreign: Record<string, string> = {
  'x-amz-': 'this is not S3',
  'x-goog-': 'this is not Google Cloud Storage',
  'x-ms-': 'this is not Azure Blob Storage',
  'x-object-': 'this is not Swift',
  'x-meta-': 'metadata of an object is said in Sealgate-Meta-NAME',
  'content-location': 'it is not recorded',
  expires: 'it is not recorded; say max-age in Cache-Control',
};
/** Characters of a name that an answer repeats. */
const shownCharacters = 60;

// Dropping them in silence would look like success.
function checkFields(headers: FieldLines): void {
  for (const name of headers.names()) {
    const prefix = Object.keys(foreign).find((each) => name.startsWith(each));
    const why = prefix === undefined ? undefined : foreign[prefix];
    if (why !== undefined)
      throw new SealgateError('field-refused', `${name.slice(0, shownCharacters)}: ${why}.`);
  }
}

/** Bytes of the body; undefined: it comes in chunks. */
export function bodyLength(headers: FieldLines): number | undefined {
  const length = headers.get('content-length');
  return length === null ? undefined : Number(length);
}

/** 201 for what is new at this path, 200 for the rest. @param fields to add. */
export function stored(
  created: boolean,
  path: string,
  about: Hashed & Record<string, unknown>,
  fields: readonly ResponseField[] = [],
): RespondPlan {
  const location: ResponseField[] = created ? [['Location', path]] : [];
  const validators: ResponseField[] = [
    ['ETag', `"${about.digest}"`],
    ['Repr-Digest', reprDigest(about.digest, about.digests)],
  ];
  return respondJson(created ? 201 : 200, about, [...location, ...validators, ...fields]);
}
