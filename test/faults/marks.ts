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
}

const byDigest = 'sha256:';

/** What is to be there at one moment: for each name what it may be. */
export class Expected {
  readonly #values = new Map<string, (string | null)[]>();

  take({ begin, name, value }: Mark): void {
    const before = this.#values.get(name) ?? [null];
    this.#values.set(name, begin ? [...before, value] : [value]);
  }

  /** What was found stays. Says how many changes that nobody acknowledged were found made, and not made. */
  check(store: Store): { made: number; unmade: number } {
    const seen = { made: 0, unmade: 0 };
    for (const [name, values] of this.#values) {
      const found = heldBy(store, name) ?? null;
      // A file that a kill has left where a blob would be is taken up by the scrub, if it is right.
      const mayBeAny = name.startsWith(byDigest) && values.includes(null);
      assert.ok(mayBeAny || values.includes(found), `${name} is ${found}, not ${values.join(' or ')}`);
      if (values.length === 1) continue;
      seen[found === values[0] ? 'unmade' : 'made']++;
      this.#values.set(name, [found]);
    }
    return seen;
  }

  copy(): Expected {
    const copy = new Expected();
    for (const [name, values] of this.#values) copy.#values.set(name, values);
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
