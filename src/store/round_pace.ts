// RoundPace: how fast a round of collection goes. Others are answered meanwhile, whatever the pace.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Share of the thread that answers everybody which a round that is to go slowly takes. */
const share = 0.1;

export class RoundPace {
  readonly #perSecond: number | undefined;
  readonly #signal: AbortSignal | undefined;

  /** @param perSecond most blobs, or names, that are removed a second; undefined: as fast as it goes. */
  constructor(perSecond: number | undefined, signal: AbortSignal | undefined) {
    this.#perSecond = perSecond;
    this.#signal = signal;
  }

  get isAborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /**
   * To be called after a piece of looking. What was waited for the disk is none of the thread's time:
   * removals have a pace of their own.
   * @param took milliseconds.
   */
  async looked(took: number): Promise<void> {
    await this.#pause(this.#perSecond === undefined ? 0 : Math.min(took, 100) * (1 / share - 1));
  }

  /** To be called after so many were removed. @param took milliseconds. */
  async removed(number: number, took: number): Promise<void> {
    if (this.#perSecond !== undefined) await this.#pause((number / this.#perSecond) * 1000 - took);
  }

  async #pause(milliseconds: number): Promise<void> {
    if (milliseconds < 1) await setImmediate();
    else await sleep(milliseconds, undefined, { signal: this.#signal }).catch(() => {});
  }
}
