// Batches: calls that share their work. While as many batches are under way as may be, what comes waits, and
// the next batch takes all of it, up to a limit: the slower the work, the more share it.

export interface BatchesOptions {
  /** Calls that one batch takes at most. */
  most: number;
  /** Batches under way at a time. */
  atATime: number;
  /** Milliseconds that a batch waits for more calls than it has, until it has enough. */
  gathering?: { ms: number; enough: number };
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (cause: unknown) => void;
}

export class Batches<Item, Result> {
  readonly #work: (items: Item[]) => Promise<Result[]>;
  readonly #options: BatchesOptions;
  #waiting: Waiting<Item, Result>[] = [];
  #running = 0;
  #timer: NodeJS.Timeout | undefined;
  #isPlanned = false;

  /** @param work resolves with a result for each, in their order; when it rejects, all of them do. */
  constructor(work: (items: Item[]) => Promise<Result[]>, options: BatchesOptions) {
    this.#work = work;
    this.#options = options;
  }

  run(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#plan();
    });
  }

  // What comes in one turn of the event loop goes together.
  #plan(): void {
    if (this.#isPlanned || this.#running >= this.#options.atATime || this.#waiting.length === 0) return;
    const { ms, enough } = this.#options.gathering ?? { ms: 0, enough: 0 };
    if (this.#waiting.length < enough) {
      this.#timer ??= setTimeout(() => this.#start(), ms);
      return;
    }
    this.#isPlanned = true;
    setImmediate(() => this.#start());
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isPlanned = false;
    if (this.#running < this.#options.atATime && this.#waiting.length > 0)
      void this.#take(this.#waiting.splice(0, this.#options.most));
    this.#plan();
  }

  async #take(batch: Waiting<Item, Result>[]): Promise<void> {
    this.#running++;
    try {
      const results = await this.#work(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i] as Result);
    } catch (cause) {
      for (const { reject } of batch) reject(cause);
    } finally {
      this.#running--;
      this.#plan();
    }
  }
}
