// RetiredTotals: keeps the totals of reactors that have ended, so that a server's totals never go backwards.

import type { Counters } from '../native/addon.ts';
import { together } from '../totals.ts';

/** Values that say how many there are now (native/server/counters.h); they end with their reactor. */
function isGauge(name: string): boolean {
  return name.startsWith('connections.') || name === 'plan_entries' || name === 'plan_bytes';
}

export class RetiredTotals {
  readonly #totals: Counters = together();

  add(last: Counters): void {
    for (const [name, value] of Object.entries(last)) {
      if (!isGauge(name)) this.#totals[name] = (this.#totals[name] ?? 0) + value;
    }
  }

  /** The sum of these counters and of all that were added. */
  plus(live: Counters[]): Counters {
    const sum = together(this.#totals);
    for (const counters of live)
      for (const name of Object.keys(counters)) sum[name] = (sum[name] ?? 0) + (counters[name] ?? 0);
    return sum;
  }
}
