// Refusals: how often the application refused, by problem, in the form of the engine's own totals.

import type { ErrorCode } from '../errors.ts';
import type { Counters } from '../native/addon.ts';
import { together } from '../totals.ts';

export class Refusals {
  readonly #counts = new Map<ErrorCode, number>();

  add(code: ErrorCode): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** The sum of the engine's totals and these. */
  plus(engine: Counters): Counters {
    const sum = together(engine);
    for (const [code, count] of this.#counts) {
      const name = `problems.${code}`;
      sum[name] = (sum[name] ?? 0) + count;
    }
    return sum;
  }
}
