// Places: a number of them, of which everybody takes as many as what he does weighs. Who comes first is
// served first, so that nothing heavy waits for ever.

export class Places {
  readonly #most: number;
  #free: number;
  #waiting: { count: number; enter: () => void }[] = [];

  constructor(most: number) {
    this.#most = most;
    this.#free = most;
  }

  /** Resolves when so many are taken, or all of them where there are fewer; with what gives them back. */
  async take(wanted: number): Promise<() => void> {
    const count = Math.min(wanted, this.#most);
    if (this.#waiting.length > 0 || this.#free < count)
      await new Promise<void>((enter) => this.#waiting.push({ count, enter }));
    else this.#free -= count;
    return () => this.#give(count);
  }

  #give(count: number): void {
    this.#free += count;
    for (let next = this.#waiting[0]; next && next.count <= this.#free; next = this.#waiting[0]) {
      this.#free -= next.count;
      this.#waiting.shift();
      next.enter();
    }
  }
}
