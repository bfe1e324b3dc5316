// Naming: names are made to point at bytes, and cease to. Who is refused is told before anything is placed,
// and once more right before the commit, when it counts.

import { SealgateError } from '../errors.ts';
import type { Arrivals } from './arrivals.ts';
import type { Blobs } from './blobs.ts';
import type { Buckets } from './buckets.ts';
import { switchNames } from './name_switch.ts';
import { checkObjectName } from './names.ts';
import type { At, Refs } from './refs.ts';
import { saidOf, typeOf } from './said.ts';
import type { About, Arrived, NameChange, NewRef, PutOutcome, SwitchOutcome } from './store.ts';

interface Parts {
  refs: Refs;
  arrivals: Arrivals;
  blobs: Blobs;
  buckets: Buckets;
  sizeOf(digest: string): number | undefined;
}

export class Naming {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See store.ts, as for all that follow. */
  async putObject(bucket: string, name: string, arrived: Arrived, about: About): Promise<PutOutcome> {
    const { refs, arrivals } = this.#parts;
    const { staging, digest, digests, size, suggested } = arrived;
    const at = this.#at(bucket, name);
    const said = saidOf(about);
    const { modified, expires } = about;
    const to = { digest, digests, size, said, modified, expires };
    // Throws what the commit would be refused for, before anything is placed.
    this.#checkRoom(at, size, refs.outcome(at, to));
    const mediaType = suggested ?? (await typeOf(name, said, staging, size));
    let outcome: PutOutcome = 'created';
    await arrivals.store(arrived, bucket, () => {
      about.check?.();
      const pointing = refs.pointing(at, { ...to, mediaType });
      outcome = pointing.outcome;
      return pointing.changes;
    });
    return outcome;
  }

  #checkRoom({ bucket }: At, bytes: number, outcome: PutOutcome): void {
    if (outcome !== 'same') this.#parts.buckets.checkRoom(bucket, { objects: 1, bytes });
  }

  async putRef(bucket: string, name: string, { digest, digests, ...about }: NewRef): Promise<PutOutcome> {
    const { refs, arrivals, blobs, sizeOf } = this.#parts;
    const at = this.#at(bucket, name);
    const stored = sizeOf(digest);
    if (stored === undefined) throw new SealgateError('not-found', `There is no blob ${digest}.`);
    const said = saidOf(about);
    const mediaType = await typeOf(name, said, blobs.path(digest), stored);
    let outcome: PutOutcome = 'created';
    await arrivals.point(new Set([digest]), bucket, (sizeNow) => {
      about.check?.();
      const { modified, expires } = about;
      const to = { digest, digests, size: sizeNow(digest), said, mediaType, modified, expires };
      const pointing = refs.pointing(at, to);
      outcome = pointing.outcome;
      return pointing.changes;
    });
    return outcome;
  }

  #at(bucket: string, name: string): At {
    const { kind } = this.#parts.buckets.existing(bucket);
    checkObjectName(name);
    return { bucket, kind, name };
  }

  async deleteRef(bucket: string, name: string): Promise<boolean> {
    const { kind } = this.#parts.buckets.existing(bucket);
    return this.#parts.refs.delete({ bucket, kind, name });
  }

  async switchNames(
    bucket: string,
    changes: readonly NameChange[],
    beforeCommit: () => void = () => {},
  ): Promise<SwitchOutcome[]> {
    return switchNames(this.#parts, this.#parts.buckets.existing(bucket), changes, beforeCommit);
  }
}
