// A clock that stands still until a test lets it go on: what waits by it is tested without waiting.

import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/store/pace.ts';

const start = Date.UTC(2026, 0, 1);

export class TestClock implements Clock {
  /** Milliseconds by which the date is ahead of the time, as after the host's clock was set. */
  set = 0;
  #now = 0;
  #end = 0;
  #wake: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  date(): number {
    return start + this.#now + this.set;
  }

  async sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const due = this.#now + milliseconds;
    while (due > this.#end) {
      await new Promise<void>((resolve, reject) => {
        this.#wake.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    this.#now = Math.max(this.#now, due);
    await setImmediate();
  }

  /** Lets so much time pass: sleepers whose time comes by then go on. */
  advance(milliseconds: number): void {
    this.#end += milliseconds;
    for (const wake of this.#wake.splice(0)) wake();
  }
}
