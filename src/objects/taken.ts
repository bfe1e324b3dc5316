// What a name that has something may get besides: the same bytes again, or others where its bucket and the
// request say so.

import { SealgateError } from '../errors.ts';
import { differenceOf, type ObjectFields } from '../object_fields.ts';
import type { BucketKind, Descriptor } from '../store/store.ts';
import type { PutRequest } from './requests.ts';

type Wanted = Pick<PutRequest, 'mediaType' | 'writeOnceSince'> & {
  digest: string;
  fields: ObjectFields | undefined;
};

/** Throws `segment-taken`, `name-taken`, `media-type-differs` and `fields-differ`. */
export function checkTaken(current: Descriptor, kind: BucketKind, wanted: Wanted): void {
  const { digest, mediaType, fields, writeOnceSince = Number.POSITIVE_INFINITY } = wanted;
  const isSame = current.digest === digest;
  if (current.created >= writeOnceSince && !isSame) throw takenSince(current);
  if (kind === 'versioned') return;
  const differs = isSame ? differenceOf({ mediaType, fields }, current) : 'name-taken';
  if (differs !== undefined) throw new SealgateError(differs);
}

function takenSince({ created }: Descriptor): SealgateError {
  const firstReceived = new Date(created).toISOString();
  const detail = `The name has held other bytes since ${firstReceived}, and segments are not rewritten here.`;
  return new SealgateError('segment-taken', detail, { about: { firstReceived } });
}
