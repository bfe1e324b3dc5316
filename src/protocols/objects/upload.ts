// What both kinds of PUT share: which bodies are taken, and how the answer tells what was stored.

import { type EngineRequest, type FieldLines, trimmed } from '../../engine/engine_request.ts';
import { respondJson } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Hashed, RespondPlan, ResponseField } from '../../native/addon.ts';
import { reprDigest } from './digest_fields.ts';

/** Throws when the body cannot be stored as what the resource is to be from now on. */
export function checkBody({ framed, headers }: EngineRequest): void {
  if (!framed) throw new SealgateError('length-required');
  if (headers.get('content-range') !== null) throw new SealgateError('partial-put-refused');
  if (!isIdentity(headers.get('content-encoding') ?? '')) throw new SealgateError('coding-refused');
  checkFields(headers);
}

/** Request fields that clients of other stores send, and expect to be kept or done. */
const foreign: Record<string, string> = {
  'x-amz-': 'this is not S3',
  'x-goog-': 'this is not Google Cloud Storage',
  'x-ms-': 'this is not Azure Blob Storage',
  'x-object-': 'this is not Swift',
  'x-meta-': 'an object has no metadata but its name, media type and digest',
};
/** What would be served with the object, and is not recorded here. */
const unrecorded = ['content-disposition', 'content-language', 'content-location', 'expires'];
/** What a request may ask of caches on its way (RFC 9111 5.2.1); responses' directives are for the object. */
const cacheRequests = ['no-cache', 'no-store', 'no-transform', 'only-if-cached', 'max-age=0', ''];
/** Characters of a name that an answer repeats. */
const shownCharacters = 60;

// Dropping them in silence would look like success.
function checkFields(headers: FieldLines): void {
  for (const name of headers.names()) {
    const prefix = Object.keys(foreign).find((each) => name.startsWith(each));
    const why = prefix === undefined ? undefined : foreign[prefix];
    if (why !== undefined)
      throw new SealgateError('field-refused', `${name.slice(0, shownCharacters)}: ${why}.`);
    if (unrecorded.includes(name)) throw new SealgateError('field-refused', `${name} is not recorded.`);
  }
  const directives = (headers.get('cache-control') ?? '').toLowerCase().split(',');
  if (directives.every((each) => cacheRequests.includes(trimmed(each)))) return;
  throw new SealgateError(
    'field-refused',
    'cache-control is not recorded: the kind of the bucket decides it.',
  );
}

// A list of codings, whose names have no case (RFC 9110 8.4).
function isIdentity(codings: string): boolean {
  return codings.split(',').every((coding) => ['identity', ''].includes(trimmed(coding).toLowerCase()));
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
    ['Repr-Digest', reprDigest(about.digest)],
  ];
  return respondJson(created ? 201 : 200, about, [...location, ...validators, ...fields]);
}
