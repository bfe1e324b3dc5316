// whenFree: opens what another process has, and is about to let go of.

import { setTimeout } from 'node:timers/promises';

export interface Waiting {
  /** Whether an error says that another process has it. */
  isHeld(error: Error): boolean;
  /** Milliseconds to wait for that. */
  patience: number;
  /** Milliseconds between two tries. */
  every: number;
}

/** Rejects with what `open` last rejected with. */
export async function whenFree<T>(open: () => Promise<T>, { isHeld, patience, every }: Waiting): Promise<T> {
  const until = performance.now() + patience;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!isHeld(error as Error) || performance.now() >= until) throw error;
      await setTimeout(every);
    }
  }
}
