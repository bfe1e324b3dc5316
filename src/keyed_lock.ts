// KeyedLock: a lock per key. A conditional write reads a version and then replaces it, and no other write to
// the same name may come in between. The store has one writing process, so a lock in memory is enough.

export class KeyedLock {
  /** For each key in use, a promise that settles with its last action and never rejects. */
  readonly #last = new Map<string, Promise<void>>();

  /** Whether an action of the key runs or waits. */
  isHeld(key: string): boolean {
    return this.#last.has(key);
  }

  /** Runs the action when all earlier actions of the same key have settled. */
  async run<T>(key: string, action: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(action);
    const settled = mine.then(
      () => {},
      () => {},
    );
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
