// Turns: actions under one key run one after another, those under different keys side by side. A
// conditional write is read, then written: nothing may come between. The store has one writing process, so
// this is enough.

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs the action once all earlier ones of this key have settled. */
  async take<T>(key: string, action: () => Promise<T>): Promise<T> {
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
