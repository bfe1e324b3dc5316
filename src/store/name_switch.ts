// NameSwitch: many names of a bucket change in one commit, so that nobody ever finds some of them changed and
// others not.

import { SealgateError } from '../errors.ts';
import { checkedMediaType, mediaTypeOf } from '../media_type.ts';
import type { Arrivals } from './arrivals.ts';
import type { Blobs } from './blobs.ts';
import { checkObjectName } from './names.ts';
import { maxTogether } from './records.ts';
import type { Refs } from './refs.ts';
import type { BucketKind, NameChange, NewRef, SwitchOutcome } from './store.ts';
import { textType } from './text_type.ts';

/** Names that one switch changes at most: each takes a version and what keeps its blob. */
export const maxSwitchNames = maxTogether / 2;

interface Parts {
  refs: Refs;
  arrivals: Arrivals;
  blobs: Blobs;
  sizeOf(digest: string): number | undefined;
}

/** See store.ts. */
export async function switchNames(
  parts: Parts,
  bucket: { name: string; kind: BucketKind },
  changes: readonly NameChange[],
  beforeCommit: () => void,
): Promise<SwitchOutcome[]> {
  checkNames(changes);
  const types = await mediaTypes(parts, changes);
  const { refs, arrivals } = parts;
  let outcomes: SwitchOutcome[] = [];
  const digests = changes.flatMap(({ to }) => (to ? [to.digest] : []));
  await arrivals.point(new Set(digests), bucket.name, (sizeOf) => {
    beforeCommit();
    const made = changes.map(({ name, to }, index) => {
      const at = { bucket: bucket.name, kind: bucket.kind, name };
      if (to === undefined) return refs.deleting(at);
      const { digest, mediaType: said, modified } = to;
      const mediaType = types[index] as string;
      return refs.pointing(at, { digest, size: sizeOf(digest), said, mediaType, modified });
    });
    outcomes = made.map(({ outcome }) => outcome);
    return made.flatMap(({ changes: records }) => records);
  });
  return outcomes;
}

function checkNames(changes: readonly NameChange[]): void {
  const refuse = (why: string) => {
    throw new SealgateError('list-invalid', why);
  };
  if (changes.length === 0) refuse('A switch changes at least one name.');
  if (changes.length > maxSwitchNames)
    refuse(`A switch changes at most ${maxSwitchNames} names, not ${changes.length}.`);
  const seen = new Set<string>();
  for (const { name } of changes) {
    checkObjectName(name);
    if (seen.has(name)) refuse(`${name} is in the list twice.`);
    seen.add(name);
  }
}

// One after another: a list has many names, and others wait for the same threads.
async function mediaTypes(parts: Parts, changes: readonly NameChange[]): Promise<(string | undefined)[]> {
  const types: (string | undefined)[] = [];
  for (const { name, to } of changes) types.push(to && (await mediaType(parts, name, to)));
  return types;
}

async function mediaType({ blobs, sizeOf }: Parts, name: string, to: NewRef): Promise<string> {
  const size = sizeOf(to.digest);
  if (size === undefined)
    throw new SealgateError('content-unknown', `${name}: there is no blob ${to.digest}.`);
  return to.mediaType === undefined
    ? textType(mediaTypeOf(name), blobs.path(to.digest), size)
    : checkedMediaType(to.mediaType);
}
