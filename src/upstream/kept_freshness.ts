// KeptFreshness: until when objects are fresh, beside what is known of their use, so that it outlives a
// restart. It counts for the version of a name that it was said of.

import type { Store } from '../store/store.ts';

export class KeptFreshness {
  readonly #store: Pick<Store, 'eviction' | 'resolve'>;

  constructor(store: Pick<Store, 'eviction' | 'resolve'>) {
    this.#store = store;
  }

  /** @param key bucket and name with a slash between. @returns milliseconds since the epoch. */
  until(key: string): number | undefined {
    const [bucket, name] = divided(key);
    const { fresh, of } = this.#store.eviction.uses.of(bucket, name) ?? {};
    return fresh !== undefined && this.#createdAt(bucket, name) === of ? fresh : undefined;
  }

  /** @param until undefined: nothing is to be known of it. */
  set(key: string, until: number | undefined): void {
    const [bucket, name] = divided(key);
    const { uses } = this.#store.eviction;
    const { fresh, of: before, ...use } = uses.of(bucket, name) ?? { at: Date.now() };
    const of = this.#createdAt(bucket, name);
    if (of === undefined || (fresh === until && before === of)) return;
    uses.note(bucket, name, until === undefined ? use : { ...use, fresh: until, of });
  }

  #createdAt(bucket: string, name: string): number | undefined {
    const ref = this.#store.resolve(bucket, name);
    return ref?.deleted === false ? ref.created : undefined;
  }
}

function divided(key: string): [bucket: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}
