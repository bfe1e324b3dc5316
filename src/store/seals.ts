// Seals: the seal level that each bucket asks for, and counters of the levels that blobs were given.

import type { Counters, Sealed, SealLevel } from '../native/addon.ts';

export interface SealOptions {
  /** The level for a bucket; without one, for bytes that are stored under their digest alone. */
  level(bucket?: string): SealLevel;
  /** Called once with a sentence, when a blob was given a lower level. */
  onLowered(said: string): void;
}

/** Milliseconds after which raising blobs is tried again. */
const retryAfter = 60_000;

export class Seals {
  readonly #options: SealOptions | undefined;
  readonly #given: Record<SealLevel, number> = { L0: 0, L1: 0, L2: 0, L3: 0 };
  #lowered = 0;
  /** When a level could last not be given, by level. */
  readonly #failed = new Map<SealLevel, number>();

  /** @param options absent: level L1 everywhere. */
  constructor(options: SealOptions | undefined) {
    this.#options = options;
  }

  wanted(bucket?: string): SealLevel {
    return this.#options?.level(bucket) ?? 'L1';
  }

  /** Whether to try raising a blob from one level to another. */
  shouldRaise(from: SealLevel, wanted: SealLevel): boolean {
    return from < wanted && Date.now() - (this.#failed.get(wanted) ?? 0) > retryAfter;
  }

  /** Counts the level that a file was given, and reports one that is lower than wanted. */
  took<Found extends Sealed>(wanted: SealLevel, sealed: Found): Found {
    const { level, failure = 'the kernel does not say why' } = sealed;
    this.#given[level] += 1;
    if (level >= wanted) return sealed;
    this.#failed.set(wanted, Date.now());
    this.#lowered += 1;
    if (this.#lowered === 1)
      this.#options?.onLowered(
        `blobs are sealed at level ${level}, and ${wanted} was asked for (${failure}); ` +
          "'sealgate doctor' says what this host lacks",
      );
    return sealed;
  }

  /** Named as the engine names its totals. */
  counters(): Counters {
    const given = Object.entries(this.#given).map(([level, count]) => [`seals_given.${level}`, count]);
    return { ...Object.fromEntries(given), seals_lowered: this.#lowered };
  }
}
