// Seals: the level that each bucket asks for, and what its blobs were given.

import type { Counters, Sealed, SealLevel } from '../native/addon.ts';

export interface SealOptions {
  /** Without a bucket: of bytes that are stored under their digest alone. */
  level(bucket?: string): SealLevel;
  /** Hears once, as a sentence, that a blob was given less. */
  onLowered(said: string): void;
}

/** Milliseconds after which it is tried again to raise blobs that were given less. */
const retryAfter = 60_000;

export class Seals {
  readonly #options: SealOptions | undefined;
  readonly #given: Record<SealLevel, number> = { L0: 0, L1: 0, L2: 0, L3: 0 };
  #lowered = 0;
  /** How often a level could not be given, by the level. */
  readonly #failed = new Map<SealLevel, number>();

  /** @param options absent: level L1 everywhere. */
  constructor(options: SealOptions | undefined) {
    this.#options = options;
  }

  wanted(bucket?: string): SealLevel {
    return this.#options?.level(bucket) ?? 'L1';
  }

  /** Whether it is worth trying to give a blob the level, that has another one. */
  shouldRaise(from: SealLevel, wanted: SealLevel): boolean {
    return from < wanted && Date.now() - (this.#failed.get(wanted) ?? 0) > retryAfter;
  }

  /** A file was to be sealed at a level, and was sealed as it is told. */
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
