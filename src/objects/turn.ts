// Turn: whose turn it is to make changes: this process's, nobody's while the store changes hands, or another
// process's.

import { Pause } from '../pause.ts';
import type { Change } from './changes.ts';

/** Has another process make a change; rejects with what that one's objects service rejects with. */
export type Elsewhere = (change: Change) => Promise<unknown>;

export class Turn {
  readonly #pause = new Pause();
  readonly #running = new Set<Promise<unknown>>();
  #elsewhere: Elsewhere | undefined;

  /** @param change the same for another process. */
  async make<T>(here: () => Promise<T>, change: Change): Promise<T> {
    while (this.#pause.over) await this.#pause.over;
    if (this.#elsewhere) return (await this.#elsewhere(change)) as T;
    const made = here();
    this.#running.add(made);
    return made.finally(() => this.#running.delete(made));
  }

  /** Changes that come wait from now on. Resolves when those under way are made. */
  async pause(): Promise<void> {
    this.#pause.begin();
    await Promise.allSettled(this.#running);
  }

  /** Whether another process makes them. */
  get isElsewhere(): boolean {
    return this.#elsewhere !== undefined;
  }

  /** @param elsewhere who makes changes from now on; absent: this process. */
  goOn(elsewhere?: Elsewhere): void {
    this.#elsewhere = elsewhere;
    this.#pause.end();
  }
}
