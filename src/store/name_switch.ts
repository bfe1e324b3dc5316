// NameSwitch: changes many names of a bucket in one commit, so that nobody ever finds some of them changed
// and others not.

import { SealgateError } from '../errors.ts';
import type { Said } from '../object_fields.ts';
import type { Arrivals } from './arrivals.ts';
import type { Blobs } from './blobs.ts';
import { checkObjectName } from './names.ts';
import { maxTogether } from './records.ts';
import type { Refs } from './refs.ts';
import { saidOf, typeOf } from './said.ts';
import type { BucketKind, NameChange, NewRef, SwitchOutcome } from './store.ts';

/** Most names that one switch changes; each needs two records, a version and a hold. */
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
  const checked = await allSaid(parts, changes);
  const { refs, arrivals } = parts;
  let outcomes: SwitchOutcome[] = [];
  const digests = changes.flatMap(({ to }) => (to ? [to.digest] : []));
  await arrivals.point(new Set(digests), bucket.name, (sizeOf) => {
    beforeCommit();
    const made = changes.map(({ name, to }, index) => {
      const at = { bucket: bucket.name, kind: bucket.kind, name };
      if (to === undefined) return refs.deleting(at);
      const { digest, digests, modified, expires } = to;
      const its = { digest, digests, size: sizeOf(digest), modified, expires };
      return refs.pointing(at, { ...its, ...(checked[index] as Checked) });
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

interface Checked {
  said: Said;
  /** The media type to record where none is said. */
  mediaType: string;
}

// Examines the files one after another, since a list may be long and others wait for the same threads.
async function allSaid(parts: Parts, changes: readonly NameChange[]): Promise<(Checked | undefined)[]> {
  const all: (Checked | undefined)[] = [];
  for (const { name, to } of changes) all.push(to && (await checkedSaid(parts, name, to)));
  return all;
}

async function checkedSaid({ blobs, sizeOf }: Parts, name: string, to: NewRef): Promise<Checked> {
  const size = sizeOf(to.digest);
  if (size === undefined)
    throw new SealgateError('content-unknown', `${name}: there is no blob ${to.digest}.`);
  const said = saidOf(to);
  return { said, mediaType: await typeOf(name, said, blobs.path(to.digest), size) };
}
