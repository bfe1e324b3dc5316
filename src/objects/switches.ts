// Switches: buckets of which many names change at once. Between the commit and the moment when kept plans are
// stale some names would be found old and others new, so nobody is told meanwhile what one points at.

import { KeyedLock } from '../keyed_lock.ts';
import { maxSwitchNames } from '../store/name_switch.ts';
import type { Listing, NameChange, Page, Store, SwitchOutcome } from '../store/store.ts';
import type { Epochs } from './epochs.ts';

interface Parts {
  store: Store;
  epochs: Epochs;
  list(bucket: string, page: Page): Promise<Listing>;
  /** Runs a change when no other change of the name is under way. */
  locked<T>(at: { bucket: string; name: string }, change: () => Promise<T>): Promise<T>;
}

/** What became of one name of a switch. */
export interface Switched {
  name: string;
  outcome: SwitchOutcome;
}

export class Switches {
  readonly #parts: Parts;
  /** By bucket: one switch at a time. */
  readonly #locks = new KeyedLock();
  /** By bucket; settles when what is committed is what everybody finds. */
  readonly #under = new Map<string, Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when names of the bucket may be looked up. */
  async idle(bucket: string): Promise<void> {
    for (let under = this.#under.get(bucket); under; under = this.#under.get(bucket)) await under;
  }

  /**
   * Changes many names of a bucket at once: whoever asks for them finds all of them as they were, or all as
   * they are now. Rejects as `switchNames` of the store does.
   * @param replaces names that begin so, and that are not among the changes, are deleted.
   */
  make(bucket: string, changes: readonly NameChange[], replaces: string | undefined): Promise<Switched[]> {
    return this.#locks.run(bucket, async () => {
      const others = replaces === undefined ? [] : await this.#othersThan(bucket, changes, replaces);
      const all = [...changes, ...others];
      const outcomes = await this.#lockedAll(bucket, all, () => this.#commit(bucket, all));
      return all.map(({ name }, index) => ({ name, outcome: outcomes[index] as SwitchOutcome }));
    });
  }

  // Look-ups wait from right before the commit until the epoch has moved.
  async #commit(bucket: string, changes: readonly NameChange[]): Promise<SwitchOutcome[]> {
    const { store, epochs } = this.#parts;
    let release = () => {};
    const hold = () => {
      if (this.#under.has(bucket)) return;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      this.#under.set(bucket, held);
    };
    try {
      const outcomes = await store.switchNames(bucket, changes, hold);
      if (outcomes.some((outcome) => outcome !== 'same' && outcome !== 'absent')) epochs.bump(bucket);
      return outcomes;
    } finally {
      this.#under.delete(bucket);
      release();
    }
  }

  // As many as a switch may have, and one more, which it refuses.
  async #othersThan(bucket: string, changes: readonly NameChange[], prefix: string): Promise<NameChange[]> {
    const named = new Set(changes.map(({ name }) => name));
    const others: NameChange[] = [];
    for (let after: string | undefined = ''; after !== undefined && others.length <= maxSwitchNames; ) {
      const page: Listing = await this.#parts.list(bucket, { prefix, after, limit: 1000 });
      for (const { name } of page.entries) if (!named.has(name)) others.push({ name });
      after = page.next;
    }
    return others;
  }

  // In one order everywhere: two that want the same names do not wait for each other.
  #lockedAll<T>(bucket: string, names: readonly { name: string }[], change: () => Promise<T>): Promise<T> {
    const inOrder = [...new Set(names.map(({ name }) => name))].sort();
    const { locked } = this.#parts;
    return inOrder.reduceRight((inner, name) => () => locked({ bucket, name }, inner), change)();
  }
}
