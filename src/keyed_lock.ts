// KeyedLock: actions under one key run one after another, those under different keys side by side. A
// conditional write is a read and then a write: nothing may come between. The store has one writing process,
// so a lock within it is enough.

export class KeyedLock {
  /** Of each key in use, the end of its last action. It never rejects. */
  readonly #last = new Map<string, Promise<void>>();

  /** Runs the action once all earlier ones of this key have settled. */
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
