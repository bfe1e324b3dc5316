// Pace: how fast work on the disk goes on that nobody waits for, and the clock that it goes by.

import { setTimeout as wait } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds that only ever grow, from anywhere. */
  now(): number;
  /** Milliseconds since the epoch, as the host believes: it may be set, also back. */
  date(): number;
  /** Rejects when the signal comes. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const hostClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  // Nobody stays for it: a process that has nothing else to do may end.
  sleep: (milliseconds, signal) => wait(milliseconds, undefined, { signal, ref: false }),
};

export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  /** The time at which the bytes taken so far are within the rate. */
  #paid = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  /** Resolves when so many bytes more fit into the rate. What was not used earlier is not saved up. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    this.#paid = Math.max(this.#paid, now) + (bytes / this.#bytesPerSecond) * 1000;
    const due = this.#paid - now;
    if (due >= 1) await this.#clock.sleep(due, signal);
    else signal.throwIfAborted();
  }
}
