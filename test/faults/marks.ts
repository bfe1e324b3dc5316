// Marks: what a program says before and after each change of a store, and what has to be there after it was
// killed or its power went.

import assert from 'node:assert/strict';
import type { Store } from '../../src/store/store.ts';

/**
 * What a name is to hold: a digest; null once it is deleted. A bucket holds what its name is, and
 * `sha256:DIGEST`, a blob without a name, its digest.
 */
export interface Mark {
  begin: boolean;
  name: string;
  value: string | null;
  /** Changes of one commit say the same: all of them are made, or none. */
  together?: string;
}

const byDigest = 'sha256:';

/** What is to be there at one moment: for each name what it may be. */
export class Expected {
  readonly #values = new Map<string, (string | null)[]>();
  readonly #together = new Map<string, string>();

  take({ begin, name, value, together }: Mark): void {
    const before = this.#values.get(name) ?? [null];
    this.#values.set(name, begin ? [...before, value] : [value]);
    if (begin && together !== undefined) this.#together.set(name, together);
    else this.#together.delete(name);
  }

  /** What was found stays. Says how many changes that nobody acknowledged were found made, and not made. */
  check(store: Store): { made: number; unmade: number } {
    const seen = { made: 0, unmade: 0 };
    const outcomes = new Map<string, 'made' | 'unmade'>();
    for (const [name, values] of this.#values) {
      const found = heldBy(store, name) ?? null;
      // A file that a kill has left where a blob would be is taken up by the scrub, if it is right.
      const mayBeAny = name.startsWith(byDigest) && values.includes(null);
      assert.ok(mayBeAny || values.includes(found), `${name} is ${found}, not ${values.join(' or ')}`);
      if (values.length === 1) continue;
      const outcome = found === values[0] ? 'unmade' : 'made';
      seen[outcome]++;
      this.#values.set(name, [found]);
      const together = this.#together.get(name);
      this.#together.delete(name);
      if (together === undefined || values[0] === values.at(-1)) continue;
      assert.equal(outcome, outcomes.get(together) ?? outcome, `${name} is ${outcome}, unlike others`);
      outcomes.set(together, outcome);
    }
    return seen;
  }

  copy(): Expected {
    const copy = new Expected();
    for (const [name, values] of this.#values) copy.#values.set(name, values);
    for (const [name, together] of this.#together) copy.#together.set(name, together);
    return copy;
  }

  toString(): string {
    return JSON.stringify([...this.#values]);
  }
}

function heldBy(store: Store, name: string): string | undefined {
  if (name.startsWith(byDigest)) {
    const digest = name.slice(byDigest.length);
    return store.blob(digest) && store.kept(digest, { graceMs: 0, limit: 1 }).length > 0 ? digest : undefined;
  }
  const [bucket = '', ...object] = name.split('/');
  return object.length === 0 ? store.bucket(bucket)?.name : digestOf(store, bucket, object.join('/'));
}

export function digestOf(store: Store, bucket: string, name: string): string | undefined {
  if (!store.bucket(bucket)) return undefined;
  const ref = store.resolve(bucket, name);
  return ref && !ref.deleted ? ref.digest : undefined;
}
