// Heads: what upstreams said of objects that are not here to those who asked for nothing but the fields. It
// is asked for once for all who wait, and known for as long as the object itself would be fresh.

import { setNewest } from '../newest_map.ts';
import type { UpstreamHead } from './fetching.ts';
import type { Landed } from './flights.ts';

/** What one of the upstreams said. */
export interface ToldHead {
  upstream: string;
  head: UpstreamHead;
  /** Milliseconds since the epoch. */
  until: number;
}

/** told: what is not here. no-head: an upstream that has to be asked by GET, which is for the caller. */
export type Described =
  | { kind: 'told'; told: ToldHead }
  | { kind: 'not-modified' | 'absent' }
  | { kind: 'no-head' }
  | Extract<Landed, { kind: 'failed' }>;

/** Entries: an answer has 16 KiB of fields at most, as Node takes no more. */
const mostEntries = 1000;

export class Heads {
  readonly #underWay = new Map<string, Promise<Described>>();
  readonly #known = new Map<string, ToldHead>();

  /** What is asked for of this key already, or asked for now. */
  join(key: string, ask: () => Promise<Described>): Promise<Described> {
    const known = this.#underWay.get(key);
    if (known) return known;
    const asking = ask().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asking);
    return asking;
  }

  keep(key: string, told: ToldHead): void {
    setNewest(this.#known, key, told, mostEntries);
  }

  /** Undefined: it has to be asked for. */
  of(key: string, now: number): ToldHead | undefined {
    const told = this.#known.get(key);
    return told && told.until > now ? told : undefined;
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}
