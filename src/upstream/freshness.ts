// Freshness: until when objects of mirrors are sent without asking their upstream, and which names an
// upstream has said that it does not have. The first is on the disk, too, though not at once: after a kill an
// upstream may be asked once more, and answers shortly that nothing has changed.

import { setNewest } from '../newest_map.ts';
import type { KeptFreshness } from './kept_freshness.ts';

interface Known {
  /** Milliseconds since the epoch. */
  until: number;
}

/** Entries, of some 200 bytes each. The oldest goes when there are more. */
const mostEntries = 100_000;

class Deadlines {
  readonly #until = new Map<string, Known>();

  set(key: string, until: number): void {
    setNewest(this.#until, key, { until }, mostEntries);
  }

  get(key: string): number | undefined {
    return this.#until.get(key)?.until;
  }

  delete(key: string): void {
    this.#until.delete(key);
  }
}

export class Freshness {
  readonly #fresh = new Deadlines();
  readonly #absent = new Deadlines();
  readonly #failed = new Deadlines();
  readonly #kept: Pick<KeptFreshness, 'until' | 'set'>;

  constructor(kept: Pick<KeptFreshness, 'until' | 'set'>) {
    this.#kept = kept;
  }

  /**
   * The object was found to be as the upstream has it.
   * @param until milliseconds since the epoch; Infinity: a rule says so for ever, and nothing is noted.
   */
  keep(key: string, until: number): void {
    this.#absent.delete(key);
    this.#failed.delete(key);
    if (Number.isFinite(until)) this.#fresh.set(key, until);
    else this.#fresh.delete(key);
    this.#kept.set(key, Number.isFinite(until) ? until : undefined);
  }

  /** Undefined: it is not known. */
  until(key: string): number | undefined {
    return this.#fresh.get(key) ?? this.#kept.until(key);
  }

  /** No upstream has it. What was kept of it before has not been fresh for long, then. */
  miss(key: string, until: number): void {
    this.#fresh.set(key, 0);
    this.#kept.set(key, 0);
    this.#absent.set(key, until);
  }

  isAbsent(key: string, now: number): boolean {
    return (this.#absent.get(key) ?? 0) > now;
  }

  /** It could not be asked for. What there is of it is sent until then without trying again. */
  fail(key: string, until: number): void {
    this.#failed.set(key, until);
  }

  isFailing(key: string, now: number): boolean {
    return (this.#failed.get(key) ?? 0) > now;
  }
}
