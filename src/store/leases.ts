// Leases: keep a blob from being collected while somebody is about to point at it. While there is a lease on
// a digest its blob is not collected; while it is collected nobody gets a lease.

export class Leases {
  readonly #held = new Map<string, number>();
  /** The digests under collection, each with a promise that settles when that has ended. */
  readonly #taken = new Map<string, Promise<unknown>>();

  /** Runs a task with a lease on each digest. Many may have a lease on a digest at a time. */
  async run<T>(digests: ReadonlySet<string>, work: () => Promise<T>): Promise<T> {
    for (let taken = this.#takenOf(digests); taken; taken = this.#takenOf(digests)) await taken;
    for (const digest of digests) this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const digest of digests) this.#leave(digest);
    }
  }

  #takenOf(digests: ReadonlySet<string>): Promise<unknown> | undefined {
    if (this.#taken.size === 0) return undefined;
    for (const digest of digests) if (this.#taken.has(digest)) return this.#taken.get(digest);
    return undefined;
  }

  #leave(digest: string): void {
    const left = (this.#held.get(digest) ?? 1) - 1;
    if (left === 0) this.#held.delete(digest);
    else this.#held.set(digest, left);
  }

  /** Runs a task while nobody has a lease. Undefined, and nothing is done, while somebody has one. */
  async alone<T>(digest: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#held.has(digest) || this.#taken.has(digest)) return undefined;
    const mine = work();
    const settled = mine.then(
      () => {},
      () => {},
    );
    this.#taken.set(digest, settled);
    try {
      return await mine;
    } finally {
      this.#taken.delete(digest);
    }
  }
}
