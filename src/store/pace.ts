// Pace: limits the rate of disk work that nobody waits for, and the clock that it uses.

import { setTimeout as wait } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds since the epoch, by the host's clock, which may be set back. */
  date(): number;
  /** Rejects when the signal comes. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const hostClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  // ref: false lets a process end that has nothing else to do.
  sleep: (milliseconds, signal) => wait(milliseconds, undefined, { signal, ref: false }),
};

export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  /** When the bytes taken so far are within the rate. */
  #paid = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  /** Resolves when so many more bytes are within the rate. Time without use is not saved up. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    this.#paid = Math.max(this.#paid, now) + (bytes / this.#bytesPerSecond) * 1000;
    const due = this.#paid - now;
    if (due >= 1) await this.#clock.sleep(due, signal);
    else signal.throwIfAborted();
  }
}
