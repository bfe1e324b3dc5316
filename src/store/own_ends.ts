// OwnEnds: the buckets in which objects may be that end by themselves, whatever the bucket says. A round of
// collection passes over the names of these alone. After a start all buckets are among them, until a round
// has found none.

export class OwnEnds {
  /** Buckets in which there is none. */
  readonly #without = new Set<string>();

  mayBeIn(bucket: string): boolean {
    return !this.#without.has(bucket);
  }

  /** A name is about to get an end, or has been seen to have one. */
  isIn(bucket: string): void {
    this.#without.delete(bucket);
  }

  /** Call it before all names of the bucket are looked at: whatever gets an end meanwhile counts again. */
  expectNone(bucket: string): void {
    this.#without.add(bucket);
  }
}
