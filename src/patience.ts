// Patience: ends a wait for another program when nothing has come of it for too long. It has a timer of its
// own: the timeouts of node:http rest on events of a socket. On Bun none comes before there is a connection,
// nor in a TLS handshake; on Deno a request without a connection was seen to hang for 13 minutes.

export class Patience {
  readonly #ms: number;
  readonly #late: (why: Error) => void;
  #noted = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param late called once, unless `end` is called before, when nothing was noted for so long. */
  constructor(ms: number, late: (why: Error) => void) {
    this.#ms = ms;
    this.#late = late;
    this.#wait(ms);
  }

  /** Bytes have come, or have gone. */
  readonly note = (): void => {
    this.#noted = performance.now();
  };

  readonly end = (): void => clearTimeout(this.#timer);

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#noted + this.#ms - performance.now();
      if (left > 0) this.#wait(left);
      else this.#late(new Error(`no answer in ${this.#ms / 1000} s`));
    }, ms);
  }
}

/** What the promise resolves with. Rejects when it has not settled in time; what it does then is ignored. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let patience: Patience | undefined;
  const late = new Promise<never>((_, reject) => {
    patience = new Patience(ms, reject);
  });
  return await Promise.race([promise, late]).finally(() => patience?.end());
}
